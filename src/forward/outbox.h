// forward/outbox.h - what is still to be forwarded, as notes beside the transactions: `outbox`, and `dead` for what was given up.
//
// A note is put by the same change that records the callback, so either both are durable or neither. Its key is the time and the id, so that the
// oldest come first. Thread-safety: values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "store/note_kinds.h"
#include "store/store.h"
#include "telesign/report.h"

namespace jwtd::forward {

struct Delivery {
  std::string key;       // of its note
  std::string id;        // what the receiver tells repetitions by (webhook-id): one for a report, however often it is sent or told
  std::string xid;
  unsigned attempts = 0;
  UnixMillis next_at = 0;  // not before
  std::string owner;       // the node whose turn it is; the others wait kForwardGrace longer (forwarder.h). Empty: any
  std::string body;        // JSON, as it is sent

  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// The note for a report that was just recorded. The body: {"type": "telesign.status", "timestamp", "data": {"xid", "reference_id", "state", "code",
// "description", "updated_on", "callback": the provider's own}}. The same report has the same id on every node.
store::Note outbox_note(const Xid& xid, const telesign::Report& report, UnixMillis now, std::string owner = {});

store::Note note_of(const Delivery& delivery, std::string_view kind);  // store/note_kinds.h
std::optional<Delivery> delivery_of(const store::Note& note);  // nullopt: it is not ours

}  // namespace jwtd::forward
