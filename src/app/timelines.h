// app/timelines.h - what comes after a token, wired: the provider's callbacks on the public listener; status and erasure on the admin one.
//
// Thread-safety: made and wired by one thread before the servers start. Ownership: what it is made of outlives it, and it outlives the servers.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "api/callback_queue.h"
#include "api/callbacks.h"
#include "api/erasure.h"
#include "api/status.h"
#include "app/parts.h"
#include "forward/forwarder.h"
#include "metrics/metrics.h"
#include "telesign/shared_status.h"
#include "telesign/status_client.h"
#include "timeline/placing.h"

namespace jwtd::app {

class Timelines {
 public:
  // `admin_connections`: how many the admin listener takes. Fails with what keys::load_api_key() fails with.
  static Result<std::unique_ptr<Timelines>> make(const Parts& parts, std::size_t admin_connections);
  ~Timelines();

  void add_public_routes(http::Router& router, store::Lane& lane);  // for each public loop
  void add_admin_routes(http::Router& router, store::Lane& lane);   // for each admin loop
  void expire(Monotonic::time_point now) { polls_.expire(now); }    // on each admin loop's tick
  void add_numbers(metrics::Metrics& metrics) const;
  void start(store::GroupCommit& commit);  // of what forwards callbacks; it ends with this object
  void stop_asking();  // the provider: who waits for it is answered at once, and who comes now. Any thread

  // How many callbacks wait, of all nodes: before the start and once a minute or so. Blocks; a failure leaves the count as it is.
  void count_unmatched();

 private:
  struct Public;
  struct Admin;
  Timelines(const Parts& parts, std::size_t admin_connections);
  Status open_client();
  Status open_forwarder();
  timeline::Placing::Options placing_options() const;

  const Parts parts_;
  std::vector<jose::HmacKey> keys_;  // of HS256, as the provider signs: the current one first
  std::vector<std::unique_ptr<Public>> public_;
  std::vector<std::unique_ptr<Admin>> admin_;
  std::unique_ptr<telesign::StatusClient> client_;
  std::unique_ptr<telesign::SharedStatus> shared_;
  std::unique_ptr<forward::Forwarder> forwarder_;  // nullptr: nothing is forwarded
  store::ReadPool polls_;  // ends before what it asks with
  timeline::UnmatchedCount unmatched_{0};
  std::array<std::atomic<std::uint64_t>, 6> placed_{};  // by timeline::Placed
  std::atomic<std::uint64_t> unsigned_{0}, malformed_{0}, unavailable_{0}, contradicted_{0};
};

}  // namespace jwtd::app
