// metrics/loop_metrics.h - what one loop counts about its requests, at the price of a few plain stores.
//
// Every number has one writer, the loop, so counting needs neither locks nor locked instructions; metrics.h adds the loops up when
// somebody asks. The set of series is bounded: listeners and route templates, never paths; statuses out of a fixed list.
//
// Thread-safety: the counting functions on the loop's thread only; everything may be read from any thread meanwhile.
// Cost: request() about 10 ns.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace jwtd::metrics {

enum class Listener : std::uint8_t { kPublic, kAdmin };
enum class Minted : std::uint8_t { kInserted, kReissued, kReused, kConflict };  // as store::Outcome
inline constexpr std::size_t kMintedKinds = 4;

inline constexpr std::size_t kMaxRouteSeries = 32;  // routes of both listeners with room to grow; what comes later counts as "other"
inline constexpr std::size_t kMaxRuleSeries = 32;   // limit rules; likewise

// Upper bounds, inclusive, of jwtd_http_request_duration_seconds; one more bucket has what took longer.
inline constexpr std::array<std::uint32_t, 12> kLatencyBoundsMicros{500,    1'000,   2'500,   5'000,   10'000,    25'000,
                                                                    50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000};
// Every status that jwtd sends; one more slot has the rest.
inline constexpr std::array<std::uint16_t, 21> kStatuses{200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 413,
                                                         414, 415, 417, 429, 431, 500, 501, 503, 504, 505};

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct RouteSeries {
  std::string route;  // written once, before it is published
  Listener listener = Listener::kPublic;
  std::array<Counter, kStatuses.size() + 1> by_status;
  std::array<Counter, kLatencyBoundsMicros.size() + 1> by_latency;
  Counter micros;

 private:
  friend class LoopMetrics;
  const char* known_as_ = nullptr;  // where the router keeps the same text: spares the comparison
};

struct RuleSeries {
  std::string rule;
  Counter refused;
};

class alignas(64) LoopMetrics {
 public:
  LoopMetrics() = default;
  LoopMetrics(const LoopMetrics&) = delete;
  LoopMetrics& operator=(const LoopMetrics&) = delete;

  // `route` is Request::route: "" before routing, else a text that lives as long as this object does.
  void request(Listener listener, std::string_view route, int status, std::chrono::microseconds took);
  void minted(Minted outcome) { minted_[static_cast<std::size_t>(outcome)].add(); }
  void limited(std::string_view rule);  // a rule's name

  // For whoever renders: the first count() elements of each are complete and stay.
  std::size_t route_count() const { return route_count_.load(std::memory_order_acquire); }
  const RouteSeries& route(std::size_t index) const { return routes_[index]; }
  std::size_t rule_count() const { return rule_count_.load(std::memory_order_acquire); }
  const RuleSeries& rule(std::size_t index) const { return rules_[index]; }
  std::uint64_t minted_count(Minted outcome) const { return minted_[static_cast<std::size_t>(outcome)].get(); }

 private:
  RouteSeries& series(Listener listener, std::string_view route);

  RouteSeries* last_ = &routes_[0];
  std::array<Counter, kMintedKinds> minted_;
  std::atomic<std::size_t> route_count_{0}, rule_count_{0};
  std::array<RouteSeries, kMaxRouteSeries> routes_;
  std::array<RuleSeries, kMaxRuleSeries> rules_;
};

}  // namespace jwtd::metrics
