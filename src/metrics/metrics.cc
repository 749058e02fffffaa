// metrics/metrics.cc - adds the loops up and has prometheus-cpp write the text.
#include "metrics/metrics.h"

#include <prometheus/text_serializer.h>

#include <cmath>
#include <map>
#include <tuple>

#include "metrics/process.h"

namespace jwtd::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using RouteKey = std::pair<std::string, std::string>;  // listener, route: sorted, so that two renderings compare well

struct RouteTotals {
  std::array<std::uint64_t, kStatuses.size() + 1> by_status{};
  std::array<std::uint64_t, kLatencyBoundsMicros.size() + 1> by_latency{};
  std::uint64_t micros = 0;
};

const char* name_of(Listener listener) { return listener == Listener::kPublic ? "public" : "admin"; }

constexpr std::array<const char*, kMintedKinds> kMintedNames{"inserted", "reissued", "reused", "conflict"};

ClientMetric labelled(Labels labels) {
  ClientMetric metric;
  for (auto& [name, value] : labels) metric.label.push_back({std::move(name), std::move(value)});
  return metric;
}

ClientMetric counted(Labels labels, std::uint64_t value) {
  ClientMetric metric = labelled(std::move(labels));
  metric.counter.value = static_cast<double>(value);
  return metric;
}

std::map<RouteKey, RouteTotals> add_up_routes(const std::vector<std::unique_ptr<LoopMetrics>>& loops) {
  std::map<RouteKey, RouteTotals> totals;
  for (const auto& loop : loops) {
    for (std::size_t i = 0; i < loop->route_count(); ++i) {
      const RouteSeries& series = loop->route(i);
      RouteTotals& sum = totals[{name_of(series.listener), series.route}];
      for (std::size_t s = 0; s < sum.by_status.size(); ++s) sum.by_status[s] += series.by_status[s].get();
      for (std::size_t b = 0; b < sum.by_latency.size(); ++b) sum.by_latency[b] += series.by_latency[b].get();
      sum.micros += series.micros.get();
    }
  }
  return totals;
}

MetricFamily requests_family(const std::map<RouteKey, RouteTotals>& totals) {
  MetricFamily family{"jwtd_http_requests_total", "Answered requests by listener, route template and HTTP status.",
                      MetricType::Counter, {}};
  for (const auto& [key, sum] : totals) {
    for (std::size_t s = 0; s < sum.by_status.size(); ++s) {
      if (sum.by_status[s] == 0) continue;
      const std::string status = s < kStatuses.size() ? std::to_string(kStatuses[s]) : "other";
      family.metric.push_back(counted({{"listener", key.first}, {"route", key.second}, {"status", status}}, sum.by_status[s]));
    }
  }
  return family;
}

MetricFamily durations_family(const std::map<RouteKey, RouteTotals>& totals) {
  MetricFamily family{"jwtd_http_request_duration_seconds",
                      "Time from the whole request to its answer being written, by listener and route template.",
                      MetricType::Histogram, {}};
  for (const auto& [key, sum] : totals) {
    ClientMetric metric = labelled({{"listener", key.first}, {"route", key.second}});
    std::uint64_t below = 0;
    for (std::size_t b = 0; b < sum.by_latency.size(); ++b) {
      below += sum.by_latency[b];
      const bool last = b == kLatencyBoundsMicros.size();
      metric.histogram.bucket.push_back({below, last ? INFINITY : kLatencyBoundsMicros[b] / 1e6});
    }
    metric.histogram.sample_count = below;
    metric.histogram.sample_sum = static_cast<double>(sum.micros) / 1e6;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

MetricFamily tokens_family(const std::vector<std::unique_ptr<LoopMetrics>>& loops) {
  MetricFamily family{"jwtd_tokens_total", "What became of requests for a token that reached the store.", MetricType::Counter, {}};
  for (std::size_t kind = 0; kind < kMintedKinds; ++kind) {
    std::uint64_t sum = 0;
    for (const auto& loop : loops) sum += loop->minted_count(static_cast<Minted>(kind));
    family.metric.push_back(counted({{"outcome", kMintedNames[kind]}}, sum));
  }
  return family;
}

MetricFamily refusals_family(const std::vector<std::unique_ptr<LoopMetrics>>& loops) {
  std::map<std::string, std::uint64_t> totals;
  for (const auto& loop : loops)
    for (std::size_t i = 0; i < loop->rule_count(); ++i) totals[loop->rule(i).rule] += loop->rule(i).refused.get();
  MetricFamily family{"jwtd_limit_refusals_total", "Requests refused by a limit, by the rule's name.", MetricType::Counter, {}};
  for (const auto& [rule, sum] : totals) family.metric.push_back(counted({{"rule", rule}}, sum));
  return family;
}

}  // namespace

Metrics::Metrics(std::string version) {
  gauge("jwtd_build_info", "Always 1; the label has the version.", {{"version", std::move(version)}}, [] { return 1.0; });
  add_process_samples();
}

Metrics::~Metrics() = default;

void Metrics::add_process_samples() {
  counter("process_cpu_seconds_total", "User and system time spent, in seconds.", {}, process_cpu_seconds);
  gauge("process_resident_memory_bytes", "Resident memory in octets.", {}, process_resident_bytes);
  gauge("process_open_fds", "Open file descriptors.", {}, process_open_fds);
  gauge("process_max_fds", "The most file descriptors that may be open.", {}, process_max_fds);
  gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", {}, process_start_seconds);
}

LoopMetrics& Metrics::add_loop() { return *loops_.emplace_back(std::make_unique<LoopMetrics>()); }

void Metrics::counter(std::string_view name, std::string_view help, Labels labels, Read read) {
  samples_.push_back({std::string(name), std::string(help), true, std::move(labels), std::move(read)});
}

void Metrics::gauge(std::string_view name, std::string_view help, Labels labels, Read read) {
  samples_.push_back({std::string(name), std::string(help), false, std::move(labels), std::move(read)});
}

std::string Metrics::render() const {
  const auto totals = add_up_routes(loops_);
  std::vector<MetricFamily> families{requests_family(totals), durations_family(totals), tokens_family(loops_), refusals_family(loops_)};
  std::map<std::string_view, MetricFamily> read_now;
  for (const Sample& sample : samples_) {
    const double value = sample.read();
    if (std::isnan(value)) continue;
    MetricFamily& family = read_now[sample.name];
    family.name = sample.name;
    family.help = sample.help;
    family.type = sample.is_counter ? MetricType::Counter : MetricType::Gauge;
    ClientMetric metric = labelled(sample.labels);
    (sample.is_counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  }
  for (auto& [name, family] : read_now) families.push_back(std::move(family));
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace jwtd::metrics
