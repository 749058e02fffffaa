// api/timeline.h - what became of a transaction, as JSON: the status and the events. Private to api/.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/time.h"
#include "store/record.h"
#include "timeline/timeline.h"

namespace jwtd::api {

class Asker;  // api/routes.h

enum class Sight : bool { kMasked, kFull };  // kFull: with phone numbers, tokens and bodies, for callers that have read:pii
Sight sight_of(const Asker& asker);

// {"state", "code", "description", "updated_on", "source", ...}; null where there is no report.
nlohmann::ordered_json status_json(const timeline::Status& status, Sight sight);
// The provider's words: for kMasked, whatever in them may be a phone number is masked.
std::string shown_words(std::string_view text, Sight sight);
// An id of somebody else's making, which may be anything: masked where all of it is a phone number.
std::string shown_id(std::string_view id, Sight sight);
// [{"type", "at", ...}], in the order of time.
nlohmann::ordered_json events_json(const store::Transaction& transaction, UnixMillis now, Sight sight);
// For the log; whoever learns of it counts it too.
void tell_contradiction(Log* log, std::string_view request_id);
// "active", "expired", "revoked" or "consumed": what became of the token.
std::string_view token_state(const store::Transaction& transaction, UnixMillis now);

}  // namespace jwtd::api
