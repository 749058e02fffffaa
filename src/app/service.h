// app/service.h - everything that serves, in the order in which it is made; destroyed in the opposite one.
//
// Two HTTP servers, each with a loop a core but one of its own, so that a slow look-up or a scrape never stands before a token. Between them and the
// store: one GroupCommit (writes) and one ReadPool (reads).
//
// Thread-safety: one thread makes, reloads and stops it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "access/snapshot.h"
#include "api/health.h"
#include "api/token.h"
#include "app/janitor.h"
#include "app/open_limits.h"
#include "app/timelines.h"
#include "app/verification.h"
#include "base/clock_watch.h"
#include "base/log.h"
#include "config/config.h"
#include "http/server.h"
#include "issue/issuer.h"
#include "jose/hmac.h"
#include "metrics/metrics.h"
#include "store/group_commit.h"
#include "store/read_pool.h"
#include "store/store.h"

namespace jwtd::app {

// From SIGTERM to the exit at the latest; below the 10 s after which common supervisors kill.
inline constexpr auto kDrainDeadline = std::chrono::seconds(8);

// A jump of the wall clock that is worth a warning. NTP slews half a millisecond a second.
inline constexpr auto kClockJump = std::chrono::seconds(2);

class Service {
 public:
  // Fails with what keys/, access/, http/, limit/ and store/ fail with; nothing listens then.
  static Result<std::unique_ptr<Service>> make(const config::Config& config, Log& log);
  ~Service();

  const std::string& public_endpoint() const { return public_endpoint_; }
  const std::string& admin_endpoint() const { return admin_endpoint_; }

  void start();
  void reload();                    // certificate, callers, log file: SIGHUP
  void reload_callers_if_changed(); // called every second or so
  void watch_clock();               // the same
  bool stop();                      // true: all that was accepted was answered

 private:
  struct PublicLoop;
  struct AdminLoop;
  explicit Service(const config::Config& config, Log& log);
  Status open();
  Status listen();
  Status load_tls();
  Status load_callers();
  void add_public_loop(http::ListenOptions& listener);
  void add_admin_loop(http::ListenOptions& listener);
  std::vector<api::Check> checks();
  void add_numbers();
  void reload_callers();
  http::Observer observer(std::string_view name, metrics::Listener listener, metrics::LoopMetrics& numbers);

  const config::Config config_;
  Log& log_;
  std::unique_ptr<jose::HmacKey> key_;
  access::Snapshot callers_;
  std::string callers_stamp_;  // of the file as it was read last
  std::shared_ptr<const http::TlsContext> tls_;
  std::atomic<std::int64_t> certificate_expiry_{0};
  std::atomic<bool> draining_{false};
  metrics::Metrics numbers_;
  std::atomic<std::uint64_t> damaged_{0};  // transactions that were asked for and cannot be read
  std::unique_ptr<store::Store> store_;
  StoreSize store_size_;
  OpenLimits limits_;
  std::unique_ptr<http::Server> public_server_;
  std::unique_ptr<http::Server> admin_server_;
  std::unique_ptr<store::GroupCommit> commit_;
  std::unique_ptr<store::ReadPool> reads_;
  std::unique_ptr<Timelines> timelines_;
  std::unique_ptr<Verification> verification_;
  std::vector<std::unique_ptr<PublicLoop>> public_loops_;
  std::vector<std::unique_ptr<AdminLoop>> admin_loops_;
  std::unique_ptr<Janitor> janitor_;
  std::string public_endpoint_, admin_endpoint_;
  std::atomic<Monotonic::rep> last_failure_logged_{0};
  ClockWatch clock_watch_{kClockJump};
  std::atomic<std::uint64_t> clock_jumps_{0};
};

}  // namespace jwtd::app
