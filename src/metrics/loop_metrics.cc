// metrics/loop_metrics.cc - finding the right counter fast; the counting itself is one line.
#include "metrics/loop_metrics.h"

namespace jwtd::metrics {
namespace {

constexpr std::string_view kUnrouted = "none";
constexpr std::string_view kBeyondBound = "other";

// Status -> place in kStatuses, so that no search is needed.
constexpr auto kStatusSlots = [] {
  std::array<std::uint8_t, 600> slots{};
  slots.fill(static_cast<std::uint8_t>(kStatuses.size()));
  for (std::size_t i = 0; i < kStatuses.size(); ++i) slots[kStatuses[i]] = static_cast<std::uint8_t>(i);
  return slots;
}();

std::size_t status_slot(int status) {
  const auto index = static_cast<std::size_t>(status);  // a negative one becomes huge
  return index < kStatusSlots.size() ? kStatusSlots[index] : kStatuses.size();
}

std::size_t latency_slot(std::uint64_t micros) {
  std::size_t slot = 0;
  while (slot < kLatencyBoundsMicros.size() && micros > kLatencyBoundsMicros[slot]) ++slot;
  return slot;
}

}  // namespace

RouteSeries& LoopMetrics::series(Listener listener, std::string_view route) {
  const std::size_t count = route_count_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i)
    if (routes_[i].known_as_ == route.data() && routes_[i].listener == listener) return routes_[i];
  for (std::size_t i = 0; i < count; ++i) {
    if (routes_[i].route != route || routes_[i].listener != listener) continue;
    routes_[i].known_as_ = route.data();
    return routes_[i];
  }
  if (count == routes_.size()) return routes_.back();
  RouteSeries& fresh = routes_[count];
  fresh.listener = listener;
  if (count + 1 == routes_.size()) {
    fresh.route = kBeyondBound;
  } else {
    fresh.route = route;
    fresh.known_as_ = route.data();
  }
  route_count_.store(count + 1, std::memory_order_release);
  return fresh;
}

void LoopMetrics::request(Listener listener, std::string_view route, int status, std::chrono::microseconds took) {
  if (route.empty()) route = kUnrouted;
  if (last_->known_as_ != route.data() || last_->listener != listener) last_ = &series(listener, route);
  const std::uint64_t micros = took.count() > 0 ? static_cast<std::uint64_t>(took.count()) : 0;
  last_->by_status[status_slot(status)].add();
  last_->by_latency[latency_slot(micros)].add();
  last_->micros.add(micros);
}

void LoopMetrics::limited(std::string_view rule) {
  const std::size_t count = rule_count_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i) {
    if (rules_[i].rule == rule) {
      rules_[i].refused.add();
      return;
    }
  }
  if (count == rules_.size()) {
    rules_.back().refused.add();
    return;
  }
  rules_[count].rule = count + 1 == rules_.size() ? kBeyondBound : rule;
  rules_[count].refused.add();
  rule_count_.store(count + 1, std::memory_order_release);
}

}  // namespace jwtd::metrics
