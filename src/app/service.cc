// app/service.cc - wires the rooms together; the drivers come from open_store.cc.
#include "app/service.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <thread>

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
// get smaller, and a token costs more: measured on two cores, 12 us of CPU a token with one loop and 15 with two. Verification has no committer, but
// loops that are not quite busy sleep and are woken for every request: 12 us with one loop, 17 with two (bench/WHERE_THE_TIME_GOES.md).
std::size_t loops_of(std::size_t setting) { return setting != 0 ? setting : std::max(2u, std::thread::hardware_concurrency()) - 1; }

metrics::Minted minted_as(store::Outcome outcome) { return static_cast<metrics::Minted>(outcome); }

}  // namespace

// What one public loop has for itself.
struct Service::PublicLoop {
  metrics::LoopMetrics& numbers;
  store::Lane lane;
  issue::Issuer issuer;
  api::TokenContext token;
  http::Router router;

  PublicLoop(Service& of, Loop& loop)
      : numbers(of.numbers_.add_loop()),
        lane(*of.commit_, loop),
        issuer({of.config_.issuer.customer_id, of.config_.issuer.lifetime, of.config_.issuer.backdate}, *of.key_, lane),
        token{issuer, *of.limits_.limiter, of.callers_} {}
};

// The same of an admin loop.
struct Service::AdminLoop {
  metrics::LoopMetrics& numbers;
  store::Lane lane;  // for what happens to transactions
  api::TransactionsContext transactions;
  http::Router router;

  AdminLoop(Service& of, Loop& loop)
      : numbers(of.numbers_.add_loop()), lane(*of.commit_, loop), transactions{{*of.store_, *of.reads_, of.callers_, &of.log_}, &of.damaged_} {}
};

Service::Service(const config::Config& config, Log& log) : config_(config), log_(log), numbers_(JWTD_VERSION) {}

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
  const config::Listen& settings = config_.listen;
  const std::size_t public_loops = loops_of(settings.threads), admin_loops = loops_of(settings.admin_threads);
  const ConnectionBounds connections = connections_within_limits({settings.max_connections, settings.admin_max_connections}, public_loops + admin_loops, log_);
  http::ServerOptions options{public_loops, connections.on_public, trusted_networks(config_.proxy),
                              config_.proxy.header == "forwarded", config_.tls.strict_transport};
  public_server_ = std::make_unique<http::Server>(options);
  options.threads = admin_loops;
  options.max_connections = connections.on_admin;
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
  auto timelines = Timelines::make({config_, *store_, *reads_, callers_, log_}, connections.on_admin);
  if (!timelines) return std::move(timelines).error();
  timelines_ = *std::move(timelines);
  auto verification = Verification::make({config_, *store_, *reads_, callers_, log_});
  if (!verification) return std::move(verification).error();
  verification_ = *std::move(verification);

  http::ListenOptions public_options{settings.public_endpoint.host, settings.public_endpoint.port, config_.tls.enabled, {}, {}};
  for (std::size_t i = 0; i < public_server_->loops(); ++i) add_public_loop(public_options);
  // Caller keys travel here: beyond this machine only over TLS (config/ refuses it without).
  const bool admin_tls = config_.tls.enabled && !config::is_loopback(settings.admin);
  http::ListenOptions admin_options{settings.admin.host, settings.admin.port, admin_tls, {}, {}};
  for (std::size_t i = 0; i < admin_server_->loops(); ++i) add_admin_loop(admin_options);
  add_numbers();

  Result<std::string> bound = public_server_->listen(std::move(public_options));
  if (!bound) return std::move(bound).error();
  public_endpoint_ = std::move(*bound);
  bound = admin_server_->listen(std::move(admin_options));
  if (!bound) return std::move(bound).error();
  admin_endpoint_ = std::move(*bound);
  return {};
}

void Service::add_public_loop(http::ListenOptions& listener) {
  const std::size_t index = public_loops_.size();
  PublicLoop& mine = *public_loops_.emplace_back(std::make_unique<PublicLoop>(*this, public_server_->loop(index)));
  mine.token.needs_key = config_.auth.mint == config::MintAccess::kKey;
  mine.token.empty_errors = config_.listen.empty_errors;
  mine.token.refusal_status = config_.limits.refusal_status;
  mine.token.observer.minted = [&mine](store::Outcome outcome) { mine.numbers.minted(minted_as(outcome)); };
  mine.token.observer.refused = [&mine](const limit::Rule& rule) { mine.numbers.limited(rule.name); };
  api::add_token_routes(mine.router, mine.token);
  api::add_ping_route(mine.router);
  timelines_->add_public_routes(mine.router, mine.lane);
  public_server_->on_tick(index, [this, &mine](Monotonic::time_point now) {
    mine.lane.expire(now);
    reads_->expire(now);
  });
  listener.routers.push_back(&mine.router);
  listener.observers.push_back(observer("public", metrics::Listener::kPublic, mine.numbers));
}

void Service::add_admin_loop(http::ListenOptions& listener) {
  const std::size_t index = admin_loops_.size();
  AdminLoop& mine = *admin_loops_.emplace_back(std::make_unique<AdminLoop>(*this, admin_server_->loop(index)));
  api::add_transaction_routes(mine.router, mine.transactions);
  api::add_metrics_route(mine.router, numbers_);
  api::add_health_routes(mine.router, checks());
  timelines_->add_admin_routes(mine.router, mine.lane);
  verification_->add_routes(mine.router, mine.lane);
  admin_server_->on_tick(index, [this, &mine](Monotonic::time_point now) {
    mine.lane.expire(now);
    reads_->expire(now);
    timelines_->expire(now);
  });
  listener.routers.push_back(&mine.router);
  listener.observers.push_back(observer("admin", metrics::Listener::kAdmin, mine.numbers));
}

// What /readyz asks, on any admin loop.
std::vector<api::Check> Service::checks() {
  std::vector<api::Check> checks{{"store", [this] { return store_->writable(); }},
                                 {"keys", [this] { return key_ ? Status() : Status(Error(keys::kApiKeyMalformed)); }},
                                 {"queue", [this] { return commit_->ready(Monotonic::now()); }},
                                 {"draining", [this] { return draining_.load() ? Status(Error(api::kDraining)) : Status(); }}};
  // Without it this node mints all the same, unless a rule says otherwise.
  if (limits_.shared) checks.push_back({"limits", [this] { return limits_.shared->available(); }, limits_.shared->closes()});
  return checks;
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
  timelines_->stop_asking();
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
