// app/service.cc - wires the rooms together; the drivers come from open_store.cc.
#include "app/service.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "api/health.h"
#include "api/metrics.h"
#include "api/ping.h"
#include "api/transactions.h"
#include "app/descriptors.h"
#include "app/open_store.h"
#include "config/values.h"
#include "keys/api_key.h"
#include "metrics/metrics.h"

namespace jwtd::app {
namespace {

constexpr auto kFailureLogInterval = std::chrono::seconds(1);  // a broken store fails a thousand batches a second: one line is enough

constexpr std::size_t kMaxAdminConnections = 256;  // supervisors, scrapers and a few callers; they come out of the store's descriptors

http::TlsOptions tls_options(const config::Tls& tls) {
  const auto minimum = tls.min_version == config::TlsVersion::k1_1   ? http::TlsMinimum::k1_1
                       : tls.min_version == config::TlsVersion::k1_2 ? http::TlsMinimum::k1_2
                                                                     : http::TlsMinimum::k1_3;
  return {tls.certificate, tls.key, minimum};
}

// Changes when the file does: whoever replaces it by rename() makes a new inode, whoever writes into it a new time or size.
std::string stamp_of(const std::string& path) {
  struct stat s {};
  if (path.empty() || ::stat(path.c_str(), &s) != 0) return {};
  return std::to_string(s.st_ino) + "/" + std::to_string(s.st_size) + "/" + std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec);
}

std::vector<http::TrustedNetwork> trusted_networks(const config::Proxy& proxy) {
  std::vector<http::TrustedNetwork> networks;
  for (const config::Network& network : proxy.trusted) networks.push_back({network.address, network.prefix});
  return networks;
}

// One core is left to the committer and to what the kernel does for it. With a loop on each, all of them run when the committer should, batches
// get smaller, and a token costs more: measured on two cores, 12 us of CPU a token with one loop and 15 with two (bench/WHERE_THE_TIME_GOES.md).
std::size_t default_loops() { return std::max(2u, std::thread::hardware_concurrency()) - 1; }

metrics::Minted minted_as(store::Outcome outcome) { return static_cast<metrics::Minted>(outcome); }

}  // namespace

// What one public loop has for itself.
struct Service::PerLoop {
  store::Lane lane;
  issue::Issuer issuer;
  api::TokenContext token;
  http::Router router;

  PerLoop(store::GroupCommit& commit, Loop& loop, issue::Policy policy, const jose::HmacKey& key, limit::Limiter& limiter,
          const access::Snapshot& callers)
      : lane(commit, loop), issuer(std::move(policy), key, lane), token{issuer, limiter, callers} {}
};

// What the admin routes need; they run on one loop.
struct Service::Admin {
  metrics::Metrics numbers{JWTD_VERSION};
  std::vector<metrics::LoopMetrics*> public_loops;  // by loop
  metrics::LoopMetrics& own = numbers.add_loop();
  api::TransactionsContext transactions;
  std::atomic<std::uint64_t> damaged{0};
  std::unique_ptr<store::Lane> lane;  // for what happens to transactions
  http::Router router;
};

Service::Service(const config::Config& config, Log& log) : config_(config), log_(log) {}

Service::~Service() {
  if (public_server_) stop();
}

Result<std::unique_ptr<Service>> Service::make(const config::Config& config, Log& log) {
  std::unique_ptr<Service> service(new Service(config, log));
  if (Status status = service->open(); !status) return std::move(status).error();
  if (Status status = service->listen(); !status) return std::move(status).error();
  return service;
}

// Everything that can fail because of files or taken ports, before anything listens.
Status Service::open() {
  Result<jose::HmacKey> key = keys::load_api_key(config_.issuer.api_key_file, config_.issuer.algorithm);
  if (!key) return std::move(key).error();
  key_ = std::make_unique<jose::HmacKey>(std::move(*key));
  if (Status status = load_callers(); !status) return status;
  if (config_.tls.enabled)
    if (Status status = load_tls(); !status) return status;
  for (const config::Endpoint* endpoint : {&config_.listen.public_endpoint, &config_.listen.admin}) {
    if (Status status = http::check_address(endpoint->host, endpoint->port); !status) return status;
  }
  Result<OpenLimits> limits = open_limits(config_, *key_, log_);
  if (!limits) return std::move(limits).error();
  limits_ = *std::move(limits);
  // The store comes last, since it may make a folder or bring one to another format: a start that is refused leaves nothing half made.
  Result<store::StoreOptions> options = store_options(config_.store);
  if (!options) return std::move(options).error();
  options->on_event = [this](std::string_view event) { log_.warn("store", {{"detail", event}}); };
  // jwtd dev says at once what is wrong; a node of a fleet may start before its database.
  Result<std::unique_ptr<store::Store>> store = config_.store.migrate ? open_store(*options) : open_store_or_wait(*options);
  if (!store) return std::move(store).error();
  store_ = std::move(*store);
  return {};
}

Status Service::load_callers() {
  const std::string stamp = stamp_of(config_.auth.callers_file);
  if (!config_.auth.callers_file.empty()) {
    Result<std::optional<access::Callers>> callers = access::Callers::load_if_there(config_.auth.callers_file);
    if (!callers) return std::move(callers).error();
    // At the start there may be none yet. Later it may be between the two steps of a tool that deletes and writes, and must not lock everybody out.
    if (!callers->has_value() && !callers_.get()->all().empty()) return Error(access::kCallersFileInvalid, config_.auth.callers_file + ": is missing");
    callers_.set(std::move(*callers).value_or(access::Callers{}));
  }
  callers_stamp_ = stamp;
  return {};
}

Status Service::load_tls() {
  auto context = http::TlsContext::make(tls_options(config_.tls), tls_.get());
  if (!context) return std::move(context).error();
  tls_ = std::move(*context);
  certificate_expiry_ = tls_->not_after();
  return {};
}

Status Service::listen() {
  const std::size_t threads = config_.listen.threads ? config_.listen.threads : default_loops();
  const std::size_t connections = connections_within_limits(config_.listen.max_connections, log_);
  http::ServerOptions options{threads, connections, trusted_networks(config_.proxy), config_.proxy.header == "forwarded", config_.tls.strict_transport};
  public_server_ = std::make_unique<http::Server>(options);
  options.threads = 1;
  options.max_connections = std::min(kMaxAdminConnections, std::max<std::size_t>(connections / 8, 1));
  admin_server_ = std::make_unique<http::Server>(options);
  public_server_->set_tls(tls_);
  admin_server_->set_tls(tls_);

  store::GroupCommit::Options commit_options;
  commit_options.on_failure = [this](const Error& error) {
    const auto now = Monotonic::now().time_since_epoch();
    const Monotonic::duration last(last_failure_logged_.load());
    if (last.count() != 0 && now - last < kFailureLogInterval) return;
    last_failure_logged_ = now.count();
    log_.error("commit_failed", {{"error", error.code().id}, {"detail", error.detail()}});
  };
  commit_ = std::make_unique<store::GroupCommit>(*store_, std::move(commit_options));
  reads_ = std::make_unique<store::ReadPool>();
  auto timelines = Timelines::make({config_, *store_, *reads_, callers_, log_});
  if (!timelines) return std::move(timelines).error();
  timelines_ = *std::move(timelines);
  auto verification = Verification::make({config_, *store_, *reads_, callers_, log_});
  if (!verification) return std::move(verification).error();
  verification_ = *std::move(verification);
  admin_.reset(new Admin{.transactions = {{*store_, *reads_, callers_, &log_}}});

  http::ListenOptions public_options{config_.listen.public_endpoint.host, config_.listen.public_endpoint.port, config_.tls.enabled, {}, {}};
  for (std::size_t i = 0; i < threads; ++i) {
    public_options.routers.push_back(&add_public_loop(i));
    public_options.observers.push_back(observer("public", metrics::Listener::kPublic, *admin_->public_loops[i]));
  }
  add_admin_routes();
  // Caller keys travel here: beyond this machine only over TLS (config/ refuses it without).
  const bool admin_tls = config_.tls.enabled && !config::is_loopback(config_.listen.admin);
  http::ListenOptions admin_options{config_.listen.admin.host, config_.listen.admin.port, admin_tls, {&admin_->router}, {}};
  admin_options.observers.push_back(observer("admin", metrics::Listener::kAdmin, admin_->own));

  Result<std::string> bound = public_server_->listen(std::move(public_options));
  if (!bound) return std::move(bound).error();
  public_endpoint_ = std::move(*bound);
  bound = admin_server_->listen(std::move(admin_options));
  if (!bound) return std::move(bound).error();
  admin_endpoint_ = std::move(*bound);
  return {};
}

const http::Router& Service::add_public_loop(std::size_t index) {
  Loop& loop = public_server_->loop(index);
  metrics::LoopMetrics& numbers = admin_->numbers.add_loop();
  admin_->public_loops.push_back(&numbers);
  auto per_loop = std::make_unique<PerLoop>(*commit_, loop, issue::Policy{config_.issuer.customer_id, config_.issuer.lifetime, config_.issuer.backdate},
                                            *key_, *limits_.limiter, callers_);
  PerLoop& mine = *loops_.emplace_back(std::move(per_loop));
  mine.token.needs_key = config_.auth.mint == config::MintAccess::kKey;
  mine.token.empty_errors = config_.listen.empty_errors;
  mine.token.refusal_status = config_.limits.refusal_status;
  mine.token.observer.minted = [&numbers](store::Outcome outcome) { numbers.minted(minted_as(outcome)); };
  mine.token.observer.refused = [&numbers](const limit::Rule& rule) { numbers.limited(rule.name); };
  api::add_token_routes(mine.router, mine.token);
  api::add_ping_route(mine.router);
  timelines_->add_public_routes(mine.router, mine.lane);
  public_server_->on_tick(index, [this, &mine](Monotonic::time_point now) {
    mine.lane.expire(now);
    reads_->expire(now);
  });
  return mine.router;
}

void Service::add_admin_routes() {
  http::Router& router = admin_->router;
  admin_->transactions.damaged = &admin_->damaged;
  api::add_transaction_routes(router, admin_->transactions);
  api::add_metrics_route(router, admin_->numbers);
  std::vector<api::Check> checks{{"store", [this] { return store_->writable(); }},
                                 {"keys", [this] { return key_ ? Status() : Status(Error(keys::kApiKeyMalformed)); }},
                                 {"queue", [this] { return commit_->ready(Monotonic::now()); }},
                                 {"draining", [this] { return draining_.load() ? Status(Error(api::kDraining)) : Status(); }}};
  // Without it this node mints all the same, unless a rule says otherwise.
  if (limits_.shared) checks.push_back({"limits", [this] { return limits_.shared->available(); }, limits_.shared->closes()});
  api::add_health_routes(router, std::move(checks));
  admin_->lane = std::make_unique<store::Lane>(*commit_, admin_server_->loop(0));
  admin_server_->on_tick(0, [this](Monotonic::time_point now) {
    reads_->expire(now);
    timelines_->expire(now);
    admin_->lane->expire(now);
  });
  timelines_->add_admin_routes(router, *admin_->lane);
  verification_->add_routes(router, *admin_->lane);
  add_numbers();
}

// What others count anyway, by the names of docs/METRICS.md.
void Service::add_numbers() {
  metrics::Metrics& m = admin_->numbers;
  const auto of = [](const auto& atomic) { return [&atomic] { return static_cast<double>(atomic.load(std::memory_order_relaxed)); }; };
  const store::CommitStats& commit = commit_->stats();
  m.counter("jwtd_commit_batches_total", "Durable writes to the store.", {}, of(commit.batches));
  m.counter("jwtd_commit_records_total", "Records that are on record.", {}, of(commit.records));
  m.counter("jwtd_commit_changes_total", "Changes to transactions that are on record.", {}, of(commit.changes));
  m.counter("jwtd_commit_failed_total", "Records and changes in batches that the store refused.", {}, of(commit.failed));
  m.counter("jwtd_commit_timed_out_total", "Requests answered 503 because the store did not confirm in time.", {}, of(commit.timed_out));
  m.counter("jwtd_commit_refused_total", "Requests answered 503 because the commit queue was full.", {}, of(commit.refused));
  m.counter("jwtd_commit_busy_seconds_total", "Time spent inside the store's commit.", {},
            [&commit] { return static_cast<double>(commit.busy_micros.load(std::memory_order_relaxed)) / 1e6; });
  m.gauge("jwtd_commit_queue_records", "Records that wait for a commit.", {}, [this] { return static_cast<double>(commit_->queued()); });

  const store::ReadStats& reads = reads_->stats();
  m.counter("jwtd_store_reads_total", "Look-ups done.", {}, of(reads.reads));
  m.counter("jwtd_store_reads_refused_total", "Look-ups refused because the queue was full.", {}, of(reads.refused));
  m.counter("jwtd_store_damaged_total", "Transactions that were looked up and cannot be read.", {}, of(admin_->damaged));
  m.counter("jwtd_store_reads_timed_out_total", "Look-ups answered 503 because they were not done in time.", {}, of(reads.timed_out));
  m.gauge("jwtd_store_reads_hanging", "Look-ups that were given up and are still in the store.", {}, of(reads.hanging));
  m.gauge("jwtd_store_transactions", "Transactions on record, an estimate.", {{"driver", std::string(store_->driver())}}, of(store_size_.transactions));
  m.gauge("jwtd_store_bytes", "Space that the store takes on disk.", {{"driver", std::string(store_->driver())}}, of(store_size_.bytes));

  for (const auto& [name, server] : {std::pair<const char*, http::Server*>{"public", public_server_.get()}, {"admin", admin_server_.get()}}) {
    const http::ServerStats& stats = server->stats();
    const metrics::Labels labels{{"listener", name}};
    m.gauge("jwtd_connections_open", "Open connections.", labels, of(stats.open));
    m.counter("jwtd_connections_accepted_total", "Connections accepted.", labels, of(stats.accepted));
    m.counter("jwtd_connections_timed_out_total", "Connections closed at a deadline.", labels, of(stats.timed_out));
    m.counter("jwtd_accept_errors_total", "Failed accepts, for example for want of file descriptors.", labels, of(stats.accept_errors));
    m.counter("jwtd_tls_handshakes_failed_total", "Failed TLS handshakes.", labels, of(stats.tls_failed));
    m.counter("jwtd_http_refused_heads_total", "Requests refused before routing.", labels, of(stats.refused_heads));
  }
  timelines_->add_numbers(m);
  add_limit_numbers(m, limits_);
  m.counter("jwtd_log_lines_dropped_total", "Log lines dropped because the queue was full.", {},
            [this] { return static_cast<double>(log_.dropped()); });
  m.counter("jwtd_clock_jumps_total", "Jumps of the wall clock by more than two seconds.", {}, of(clock_jumps_));
  if (tls_) {
    m.gauge("jwtd_tls_certificate_expiry_seconds", "Unix time at which the certificate expires.", {},
            [this] { return static_cast<double>(certificate_expiry_.load(std::memory_order_relaxed)); });
  }
}

http::Observer Service::observer(std::string_view name, metrics::Listener listener, metrics::LoopMetrics& numbers) {
  const config::RequestLog which = config_.log.requests;
  return [this, name, listener, &numbers, which](const http::Request& request, const http::Response& response, std::chrono::microseconds took) {
    numbers.request(listener, request.route, response.status, took);
    const bool failed = response.status >= 400;
    if (which == config::RequestLog::kNone || (which == config::RequestLog::kErrors && !failed)) return;
    const LogLevel level = response.status >= 500 ? LogLevel::kWarn : LogLevel::kInfo;
    if (!log_.enabled(level)) return;
    if (failed) {
      log_.write(level, "request", {{"request_id", request.request_id}, {"listener", name}, {"route", request.route}, {"status", response.status},
                                    {"us", took.count()}, {"error", response.error_id}});
    } else {
      log_.write(level, "request", {{"request_id", request.request_id}, {"listener", name}, {"route", request.route}, {"status", response.status},
                                    {"us", took.count()}});
    }
  };
}

void Service::start() {
  watch_clock();
  store_size_.take_from(*store_);
  admin_server_->start();
  public_server_->start();
  timelines_->start(*commit_);
  janitor_ = std::make_unique<Janitor>(*store_, log_, config_.store.retention, store_size_, [this] { timelines_->count_unmatched(); }, Janitor::Intervals());
}

// Each part on its own: what cannot be replaced stays as it is, and the log says why.
void Service::reload() {
  if (const Status status = log_.reopen(); status) {
    log_.info("log_reopened");
  } else {
    log_.error("log_reopen_failed", {{"detail", status.error().detail()}});
  }
  if (config_.tls.enabled) {
    if (const Status status = load_tls(); status) {
      public_server_->set_tls(tls_);
      admin_server_->set_tls(tls_);
      log_.info("certificate_reloaded", {{"subject", tls_->subject()}, {"not_after", format_rfc3339(tls_->not_after() * 1000)}});
    } else {
      log_.error("certificate_kept", {{"error", status.error().code().id}, {"detail", status.error().detail()}});
    }
  }
  reload_callers();
}

void Service::reload_callers() {
  if (const Status status = load_callers(); status) {
    log_.info("callers_reloaded", {{"callers", callers_.get()->all().size()}});
  } else {
    callers_stamp_ = stamp_of(config_.auth.callers_file);  // said once for each state of the file
    log_.error("callers_kept", {{"error", status.error().code().id}, {"detail", status.error().detail()}});
  }
}

void Service::reload_callers_if_changed() {
  if (!config_.auth.callers_file.empty() && stamp_of(config_.auth.callers_file) != callers_stamp_) reload_callers();
}

void Service::watch_clock() {
  const auto jump = clock_watch_.jumped(wall_now(), Monotonic::now());
  if (jump.count() == 0) return;
  clock_jumps_.fetch_add(1, std::memory_order_relaxed);
  log_.warn("clock_jumped", {{"ms", jump.count()}, {"detail", "new tokens carry the new time; limits and deadlines go by another clock"}});
}

bool Service::stop() {
  draining_ = true;  // /readyz is red from here on; the admin listener goes last, so that it can be seen
  const bool clean = public_server_->drain(kDrainDeadline);
  admin_server_->drain(std::chrono::seconds(1));
  janitor_.reset();
  timelines_.reset();
  reads_.reset();
  commit_.reset();
  limits_ = {};
  store_.reset();
  public_server_.reset();
  return clean;
}

}  // namespace jwtd::app
