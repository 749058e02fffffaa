// timeline/timeline.cc - folds events into a status, and lines them up with what the records say.
#include "timeline/timeline.h"

#include <algorithm>
#include <tuple>

#include "store/events.h"

namespace jwtd::timeline {
namespace {

using telesign::Outline;

State state_of(const Outline& report) {
  switch (telesign::state_of(report.code)) {
    case telesign::State::kPending: return State::kPending;
    case telesign::State::kSuccess: return State::kSuccess;
    case telesign::State::kFailure: return State::kFailure;
  }
  return State::kPending;
}

bool is_final(State state) { return state == State::kSuccess || state == State::kFailure; }

// Whether `a` stands rather than `b`: total on what differs in date, state or code, so that the fold does not depend on the order.
bool stands_before(const Outline& a, State of_a, const Outline& b, State of_b) {
  if (is_final(of_a) != is_final(of_b)) return is_final(of_a);
  const auto rank = [](const Outline& report, State state) { return std::tuple(report.updated_micros, state != State::kFailure, report.code, report.reference_id); };
  return is_final(of_a) ? rank(a, of_a) < rank(b, of_b) : rank(b, of_b) < rank(a, of_a);
}

}  // namespace

std::string_view name_of(State state) {
  switch (state) {
    case State::kNone: return "none";
    case State::kPending: return "pending";
    case State::kSuccess: return "success";
    case State::kFailure: return "failure";
  }
  return "none";
}

Standing standing_of(const store::Transaction& transaction) {
  Standing best;
  bool succeeded = false, failed = false;
  for (const store::Event& event : transaction.events) {
    const auto report = telesign::outline_of(event);
    if (!report) continue;
    const State state = state_of(*report);
    succeeded = succeeded || state == State::kSuccess;
    failed = failed || state == State::kFailure;
    if (!best.event || stands_before(*report, state, best.report, best.state)) best = {&event, *report, state, false};
  }
  best.contradicted = succeeded && failed;
  return best;
}

Status status_of(const store::Transaction& transaction) {
  Status status;
  const Standing best = standing_of(transaction);
  if (!best.event) return status;
  status.state = best.state;
  status.contradicted = best.contradicted;
  if (auto report = telesign::report_of(*best.event)) {
    status.report = *std::move(report);
  } else {  // its body cannot be read; what decides stands in its key
    status.report.reference_id = best.report.reference_id;
    status.report.code = best.report.code;
    status.report.updated_on = best.report.updated_on;
    status.report.updated_micros = best.report.updated_micros;
  }
  status.source = best.event->type == store::Event::Type::kCallback ? "callback" : "poll";
  status.known_at = best.event->at;
  return status;
}

std::vector<Item> items_of(const store::Transaction& transaction, UnixMillis now) {
  const store::Event* const stands = standing_of(transaction).event;
  std::vector<Item> items;
  const bool has_first = transaction.issued == transaction.earlier.size() + 1;
  for (auto it = transaction.earlier.rbegin(); it != transaction.earlier.rend(); ++it) {
    items.push_back({has_first && it == transaction.earlier.rbegin() ? "issued" : "reissued", it->recorded_at, &*it});
  }
  items.push_back({transaction.issued == 1 ? "issued" : "reissued", transaction.current.recorded_at, &transaction.current});
  for (const store::Event& event : transaction.events) items.push_back({store::name_of(event.type), event.at, nullptr, &event, &event == stands});
  const UnixMillis expiry = transaction.current.exp * 1000;
  if (now >= expiry && !store::is_closed(transaction.events)) items.push_back({"expired", expiry});
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.at < b.at; });
  return items;
}

}  // namespace jwtd::timeline
