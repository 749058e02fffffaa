// api/callback_queue.h - what is still to be forwarded and what was given up: GET /v1/callbacks/outbox, GET /v1/callbacks/dead, and POST
// /v1/callbacks/replay, which puts the dead back into the outbox. All need the scope callbacks.
#pragma once

#include <functional>
#include <string>

#include "api/admin_context.h"
#include "http/router.h"
#include "store/group_commit.h"

namespace jwtd::api {

inline constexpr Code kReplayMalformed{"replay_malformed", Fault::kInvalidArgument, "The body must be a JSON object with an id, a string, or {} for all."};
inline constexpr Code kDeadLetterUnknown{"dead_letter_unknown", Fault::kNotFound, "There is no dead callback of this id."};

struct CallbackQueueContext : AdminContext {
  store::Lane& lane;  // of the loop that the router runs on
  std::string owner = {};  // whose turn it is to send what is replayed here (forward/outbox.h); empty: anybody's
  std::function<void()> replayed = [] {};  // wakes the forwarder
};

// Lists have `limit` and `cursor`; bodies are for callers that have read:pii too. A replay answers {"replayed": how many, "more": whether dead ones
// are left, of which a call takes kMaxPageRecords at most}.
void add_callback_queue_routes(http::Router& router, const CallbackQueueContext& context);

}  // namespace jwtd::api
