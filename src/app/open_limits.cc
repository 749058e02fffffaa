// app/open_limits.cc - LocalLimiter, or RedisLimiter where limits.store names a server.
#include "app/open_limits.h"

#include <array>
#include <utility>

#include "app/first_line.h"
#include "limit/redis/script.h"

namespace jwtd::app {
namespace {

// With spaces and without a dot: nothing that is ever signed for a token reads so.
constexpr std::string_view kHashKeyPurpose = "jwtd names of limits 1";

std::string hash_key_from(const jose::HmacKey& key) {
  std::array<unsigned char, 64> out{};
  key.signer().sign(kHashKeyPurpose, out.data());
  return {reinterpret_cast<const char*>(out.data()), limit::Script::Hash::kKeyBytes};
}

Result<limit::StoreUrl> store_url(const config::Limits& settings) {
  std::string text = settings.store;
  if (Status status = take_first_line(settings.store_url_file, text); !status) return std::move(status).error();
  Result<limit::StoreUrl> url = limit::parse_store_url(text);
  if (!url) return url;
  if (Status status = take_first_line(settings.password_file, url->password); !status) return std::move(status).error();
  return url;
}

OpenLimits own(const config::Config& config) {
  auto limiter = std::make_unique<limit::LocalLimiter>(config.rules, config.limits.cells);
  const limit::LocalLimiter* const table = limiter.get();
  return {std::move(limiter), table, nullptr};
}

}  // namespace

Result<OpenLimits> open_limits(const config::Config& config, const jose::HmacKey& key, Log& log) {
  const config::Limits& settings = config.limits;
  if (settings.store.empty() && settings.store_url_file.empty()) return own(config);
  Result<limit::StoreUrl> url = store_url(settings);
  if (!url) return std::move(url).error();
  if (config.rules.empty()) return own(config);  // nothing to ask a server for
  limit::RedisLimiter::Options options;
  options.ca_file = settings.ca_file;
  options.hash_key = hash_key_from(key);
  options.connections = settings.connections;
  options.timeout = settings.timeout;
  options.cells = settings.cells;
  options.on_change = [&log, place = url->place()](const Error* away) {
    if (away == nullptr) log.info("limit_store_up", {{"store", place}});
    else log.warn("limit_store_away", {{"store", place}, {"error", away->code().id}, {"detail", away->detail()}});
  };
  options.url = *std::move(url);
  auto limiter = std::make_unique<limit::RedisLimiter>(config.rules, std::move(options));
  const limit::RedisLimiter* const shared = limiter.get();
  return OpenLimits{std::move(limiter), &shared->local(), shared};
}

void add_limit_numbers(metrics::Metrics& to, const OpenLimits& limits) {
  to.counter("jwtd_limit_overflow_total", "Decisions made in an overflow cell because the table was full.", {},
             [table = limits.table] { return static_cast<double>(table->overflowed()); });
  const limit::RedisLimiter* const shared = limits.shared;
  if (shared == nullptr) return;
  const auto of = [](const auto& atomic) { return [&atomic] { return static_cast<double>(atomic.load(std::memory_order_relaxed)); }; };
  const limit::RedisStats& stats = shared->stats();
  to.counter("jwtd_limit_store_requests_total", "Requests that the limits' store decided.", {}, of(stats.answered));
  to.counter("jwtd_limit_store_round_trips_total", "Round trips to the limits' store that brought their answers.", {}, of(stats.round_trips));
  to.counter("jwtd_limit_store_round_trip_seconds_total", "Time that those round trips took.", {},
             [&stats] { return static_cast<double>(stats.round_trip_micros.load(std::memory_order_relaxed)) / 1e6; });
  const std::pair<const char*, const std::atomic<std::uint64_t>*> causes[] = {
      {"timeout", &stats.timed_out}, {"connection", &stats.lost}, {"refused", &stats.refused}, {"overload", &stats.overloaded}, {"away", &stats.away}};
  for (const auto& [cause, count] : causes) {
    to.counter("jwtd_limit_store_failures_total", "Requests that the limits' store did not decide.", {{"cause", cause}}, of(*count));
  }
  for (std::size_t i = 0; i < shared->rules().size(); ++i) {
    const limit::Rule& rule = shared->rules()[i];
    const char* const mode = rule.on_failure == limit::OnFailure::kOpen ? "open" : rule.on_failure == limit::OnFailure::kClosed ? "closed" : "local";
    to.counter("jwtd_limit_store_fallbacks_total", "Requests for which a rule went by its on_failure.", {{"rule", rule.name}, {"mode", mode}},
               [shared, i] { return static_cast<double>(shared->fallbacks(i)); });
  }
  to.gauge("jwtd_limit_store_connections", "Connections to the limits' store.", {}, [shared] { return static_cast<double>(shared->connected()); });
  to.gauge("jwtd_limit_store_breaker_open", "1 while requests are decided without the limits' store though connecting works.", {},
           [shared] { return shared->breaker_open() ? 1.0 : 0.0; });
}

}  // namespace jwtd::app
