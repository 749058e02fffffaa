// app/service_numbers.cc - what a service shows at /metrics beside what its loops count.
#include <utility>

#include "app/service.h"

namespace jwtd::app {

// What others count anyway, by the names of docs/METRICS.md.
void Service::add_numbers() {
  metrics::Metrics& m = numbers_;
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
  m.counter("jwtd_store_damaged_total", "Transactions that were looked up and cannot be read.", {}, of(damaged_));
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

}  // namespace jwtd::app
