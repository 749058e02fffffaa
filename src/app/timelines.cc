// app/timelines.cc - contexts for the routes, and counters.
#include "app/timelines.h"

#include <algorithm>
#include <utility>

#include "base/secret.h"
#include "keys/api_key.h"
#include "keys/webhook_secret.h"

namespace jwtd::app {
namespace {

// Each question holds its asker's connection: those of one crowd must leave the admin listener to the others.
store::ReadPool::Options poll_options(const config::Telesign& settings, std::size_t admin_connections) {
  const std::size_t questions = std::min(kPollThreads + kMaxQueuedPolls, std::max<std::size_t>(2, admin_connections / kPollShare));
  const std::size_t threads = std::min(kPollThreads, questions - 1);
  const auto deadline = std::chrono::duration_cast<std::chrono::milliseconds>(settings.timeout * kPollDeadline);
  return {.threads = threads, .max_queued = questions - threads, .deadline = deadline};
}

bool is_embedded(const store::Store& store) { return store.driver() == "rocksdb" || store.driver() == "memory"; }

}  // namespace

struct Timelines::Public {
  timeline::Placing placing;
  telesign::CallbackCheck signature;
  api::CallbackContext callbacks;

  Public(const Parts& p, std::span<const jose::HmacKey> keys, store::Lane& lane, timeline::UnmatchedCount& unmatched, const timeline::Placing::Options& options)
      : placing(p.store, p.reads, lane, unmatched, options), signature(p.config.issuer.customer_id, keys), callbacks{placing, signature, &p.log, {}} {}
};

struct Timelines::Admin {
  timeline::Placing placing;
  api::StatusContext status;
  api::AdminContext unmatched;
  api::ErasureContext erasure;
  api::CallbackQueueContext queue;

  Admin(const Parts& p, store::Lane& lane, store::ReadPool& polls, timeline::UnmatchedCount& waiting, const timeline::Placing::Options& options)
      : placing(p.store, p.reads, lane, waiting, options),
        status{{p.store, p.reads, p.callers, &p.log}, polls, placing},
        unmatched{p.store, p.reads, p.callers, &p.log},
        erasure{{p.store, p.reads, p.callers, &p.log}, lane, p.config.store.retention},
        queue{{p.store, p.reads, p.callers, &p.log}, lane} {}
};

Timelines::Timelines(const Parts& parts, std::size_t admin_connections) : parts_(parts), polls_(poll_options(parts.config.telesign, admin_connections)) {}
Timelines::~Timelines() = default;

Result<std::unique_ptr<Timelines>> Timelines::make(const Parts& parts, std::size_t admin_connections) {
  std::unique_ptr<Timelines> made(new Timelines(parts, admin_connections));
  for (const std::string& path : {parts.config.issuer.api_key_file, parts.config.issuer.previous_api_key_file}) {
    if (path.empty()) continue;
    auto key = keys::load_api_key(path, jose::Algorithm::kHs256);
    if (!key) return key.error();
    made->keys_.push_back(*std::move(key));
  }
  if (Status client = made->open_client(); !client) return client.error();
  if (Status forwarder = made->open_forwarder(); !forwarder) return forwarder.error();
  made->count_unmatched();
  return made;
}

Status Timelines::open_client() {
  const config::Telesign& settings = parts_.config.telesign;
  const std::string& key_file = parts_.config.issuer.api_key_file;
  auto key = keys::load_api_key(key_file, jose::Algorithm::kHs256);
  if (!key) return key.error();
  Result<Secret> text = Secret();
  if (settings.auth == config::TelesignAuth::kBasic) text = read_secret_file(key_file);
  if (!text) return text.error();
  const auto auth = settings.auth == config::TelesignAuth::kBasic ? telesign::Auth::kBasic : telesign::Auth::kDigest;
  telesign::StatusClientOptions options{settings.url, settings.status_path, parts_.config.issuer.customer_id, auth, settings.timeout, settings.ca_file};
  client_ = std::make_unique<telesign::StatusClient>(std::move(options), *std::move(key), *std::move(text));
  shared_ = std::make_unique<telesign::SharedStatus>([this](const Xid& xid) { return client_->fetch(xid); },
                                                      telesign::SharedStatus::Options{.cache = settings.cache, .timeout = settings.timeout});
  return {};
}

Status Timelines::open_forwarder() {
  const config::Callbacks& settings = parts_.config.callbacks;
  if (settings.forward_to.empty()) return {};
  auto secret = keys::load_webhook_secret(settings.forward_secret_file);
  if (!secret) return secret.error();
  Log& log = parts_.log;
  forward::Forwarder::Options options{settings.forward_to, settings.forward_ca_file, is_embedded(parts_.store), [&log](std::string_view event) { log.warn("forward", {{"detail", event}}); }};
  forwarder_ = std::make_unique<forward::Forwarder>(parts_.store, *std::move(secret), std::move(options));
  return {};
}

timeline::Placing::Options Timelines::placing_options() const {
  timeline::Placing::Options options{.retention = parts_.config.store.retention, .alone = is_embedded(parts_.store), .forward = {}};
  if (forwarder_) {
    options.forward = [this](const Xid& xid, const telesign::Report& report, UnixMillis now) { return forwarder_->note_for(xid, report, now); };
  }
  return options;
}

void Timelines::start(store::GroupCommit& commit) {
  if (forwarder_) forwarder_->start(commit);
}

void Timelines::stop_asking() { client_->cancel(); }

void Timelines::count_unmatched() {
  if (const auto count = timeline::count_unmatched(parts_.store, wall_now())) unmatched_ = *count;
}

void Timelines::add_public_routes(http::Router& router, store::Lane& lane) {
  if (!parts_.config.callbacks.enabled) return;
  const timeline::Placing::Options options = placing_options();
  Public& mine = *public_.emplace_back(std::make_unique<Public>(parts_, keys_, lane, unmatched_, options));
  mine.callbacks.observer.placed = [this](timeline::Placed placed) {
    placed_[static_cast<std::size_t>(placed)].fetch_add(1, std::memory_order_relaxed);
    if (forwarder_) forwarder_->wake();
  };
  mine.callbacks.observer.contradicted = [this] { contradicted_.fetch_add(1, std::memory_order_relaxed); };
  mine.callbacks.observer.refused = [this](const Code& code) {
    auto& counter = code.fault == Fault::kUnauthenticated ? unsigned_ : code.fault == Fault::kInvalidArgument ? malformed_ : unavailable_;
    counter.fetch_add(1, std::memory_order_relaxed);
  };
  api::add_callback_route(router, mine.callbacks);
}

void Timelines::add_admin_routes(http::Router& router, store::Lane& lane) {
  const timeline::Placing::Options options = placing_options();
  Admin& mine = *admin_.emplace_back(std::make_unique<Admin>(parts_, lane, polls_, unmatched_, options));
  mine.status.provider = shared_.get();
  mine.status.contradicted = [this] { contradicted_.fetch_add(1, std::memory_order_relaxed); };
  api::add_status_route(router, mine.status);
  api::add_unmatched_route(router, mine.unmatched);
  if (forwarder_) mine.queue.owner = forwarder_->node();
  mine.queue.replayed = [this] {
    if (forwarder_) forwarder_->wake();
  };
  api::add_callback_queue_routes(router, mine.queue);
  api::add_erasure_route(router, mine.erasure);
}

void Timelines::add_numbers(metrics::Metrics& m) const {
  const auto of = [](const auto& atomic) { return [&atomic] { return static_cast<double>(atomic.load(std::memory_order_relaxed)); }; };
  constexpr const char* kPlaced[] = {"applied", "seen", "duplicate", "unmatched", "dropped", "erased"};
  for (std::size_t i = 0; i < placed_.size(); ++i) {
    m.counter("jwtd_callbacks_total", "Callbacks of the provider, by what became of them.", {{"outcome", kPlaced[i]}}, of(placed_[i]));
  }
  for (const auto& [reason, counter] : {std::pair{"signature", &unsigned_}, std::pair{"form", &malformed_}, std::pair{"store", &unavailable_}}) {
    m.counter("jwtd_callbacks_refused_total", "Callbacks that were refused, by reason.", {{"reason", reason}}, of(*counter));
  }
  m.counter("jwtd_status_contradicted_total", "Transactions of which the provider reported two different final states.", {}, of(contradicted_));
  m.counter("jwtd_provider_asked_total", "Requests for a fresh status.", {}, of(shared_->stats().asked));
  m.counter("jwtd_provider_requests_total", "Of these, those for which the provider was asked.", {}, of(shared_->stats().fetched));
  m.counter("jwtd_provider_failed_total", "Of these, those without an answer that could be used.", {}, of(shared_->stats().failed));
  m.counter("jwtd_provider_refused_total", "Requests for a fresh status that were refused without asking, by reason.", {{"reason", "rest"}}, of(shared_->stats().spared));
  m.counter("jwtd_provider_refused_total", "Requests for a fresh status that were refused without asking, by reason.", {{"reason", "busy"}}, of(polls_.stats().refused));
  m.gauge("jwtd_provider_rest_seconds", "How long the provider is left alone from now on.", {}, [this] { return std::chrono::duration<double>(shared_->rest()).count(); });
  if (forwarder_) {
    const forward::ForwardStats& forwarded = forwarder_->stats();
    m.counter("jwtd_forward_delivered_total", "Callbacks that the operator's URL has taken.", {}, of(forwarded.delivered));
    m.counter("jwtd_forward_failed_total", "Attempts that it did not take.", {}, of(forwarded.failed));
    m.counter("jwtd_forward_dead_total", "Callbacks that were given up.", {}, of(forwarded.dead));
    m.gauge("jwtd_forward_waiting", "Callbacks that wait to be forwarded, of all nodes.", {}, of(forwarded.waiting));
    m.gauge("jwtd_forward_resting", "Whether this node leaves the operator's URL alone, because of late it took nothing.", {}, of(forwarded.resting));
  }
  m.gauge("jwtd_callbacks_unmatched", "Callbacks that wait for their transaction to become known, roughly.", {}, of(unmatched_));
}

}  // namespace jwtd::app
