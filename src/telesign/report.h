// telesign/report.h - what the provider says about a transaction, in a callback or when asked, in one form.
//
// Codes decide, never HTTP statuses or texts (reference/telesign.md 2.3). Which codes are final and which of them is success: state_of().
//
// Thread-safety: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "store/record.h"

namespace jwtd::telesign {

inline constexpr Code kCallbackMalformed{"callback_malformed", Fault::kInvalidArgument, "The body is not a callback of the provider."};

enum class State : std::uint8_t { kPending, kSuccess, kFailure };
std::string_view name_of(State state);  // "pending"

// reference/telesign.md 2.4 and 5. Only 2401 is success: that a message was delivered (200) or a call answered (100) verifies nobody, and leaves
// the transaction pending. So do the temporary errors (503, 505, 514) and every code that is not listed there: what is not known to be final
// must not end a transaction.
State state_of(std::int64_t code);

struct Report {
  std::string reference_id;  // the provider's name for the transaction, out of A-Z a-z 0-9 - _; empty: not given, or not such a one
  std::string xid;           // ours, as external_id or xid; empty: not given, or no string. Whether it can be one of ours is for Xid::parse() to say
  std::int64_t code = 0;
  std::string description;   // its first kMaxDescriptionBytes, up to the end of a character
  std::string updated_on;    // as it was sent; empty: not given
  std::int64_t updated_micros = kNoTime;  // the same since 1970
  std::string raw;           // the whole body as it was sent, unknown members and all

  static constexpr std::int64_t kNoTime = INT64_MAX;  // later than every time: the order of reports stays total

  friend bool operator==(const Report&, const Report&) = default;
};

// A callback's body, or the answer to Get Status, which has the same form: strict JSON (RFC 8259, no duplicate members, UTF-8, at most
// kMaxReportDepth deep and kMaxReportBytes long), an object with status.code, an integer. Members of other shapes than they have in the
// documentation are refused, as are external_id and xid that differ; null counts as not given; unknown ones stay in `raw`.
// What is odd in a name or a text does not lose the result: a reference id that is none counts as not given, an XID that is too long for one of ours is cut
// to something that still is, and a description is cut. A time that cannot be read is kept as a text, without `updated_micros`: better late in the order.
// Fails with kCallbackMalformed (detail: what is wrong, without quoting).
Result<Report> parse_callback(std::string_view body);

// Whether the text may be a reference id: 1 to kMaxReferenceBytes out of A-Z a-z 0-9 - _.
bool is_reference_id(std::string_view text);

// The event that records it. Its body is the report as it was sent. Its key is "callback:reference_id:code:updated_on", or "polled:...", so a report that is
// repeated, or told again when asked, is one event.
store::Event event_of(const Report& report, store::Event::Type type, UnixMillis at);
// What a report's place in the order depends on. It stands in the event's key, so a timeline can be folded without reading bodies.
struct Outline {
  std::string_view reference_id;  // in the event's key
  std::int64_t code = 0;
  std::string_view updated_on;
  std::int64_t updated_micros = Report::kNoTime;
};
// nullopt: not an event of type kCallback or kPolled, or not one that event_of() made.
std::optional<Outline> outline_of(const store::Event& event);

// The report that an event of type kCallback or kPolled records; nullopt for others, and for a body that is not ours.
std::optional<Report> report_of(const store::Event& event);

}  // namespace jwtd::telesign
