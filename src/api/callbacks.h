// api/callbacks.h - POST /v1/callbacks/telesign: what the provider reports; and GET /v1/callbacks?unmatched=1: what could not be placed.
//
// A callback carries no caller key but a signature over its body (reference/telesign.md 3). It is answered 200 once it is durable, so that the
// provider sends again what was not; whatever it repeats is one event. What is refused leaves nothing but a count.
#pragma once

#include <functional>

#include "api/admin_context.h"
#include "http/router.h"
#include "telesign/signature.h"
#include "timeline/placing.h"

namespace jwtd::api {

// For metrics. Called on the loop's thread.
struct CallbackObserver {
  std::function<void(timeline::Placed)> placed = [](timeline::Placed) {};
  std::function<void(const Code&)> refused = [](const Code&) {};
  std::function<void()> contradicted = [] {};
};

// One for each loop; everything it refers to outlives it.
struct CallbackContext {
  timeline::Placing& placing;
  telesign::CallbackCheck& signature;
  Log* log = nullptr;
  CallbackObserver observer;
  UnixMillis (*now)() = wall_now;
};
void add_callback_route(http::Router& router, const CallbackContext& context);

// Needs the scope callbacks; raw bodies are for callers that have read:pii too. With phone_number=: those of this person.
void add_unmatched_route(http::Router& router, const AdminContext& context);

}  // namespace jwtd::api
