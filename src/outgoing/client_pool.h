// outgoing/client_pool.h - one HttpClient for each request that is under way, kept with its connection for the next.
//
// Thread-safety: all from any thread; send() blocks. As many clients as there were requests at once.
#pragma once

#include <list>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "outgoing/http_client.h"

namespace jwtd::outgoing {

class ClientPool {
 public:
  explicit ClientPool(ClientOptions options) : options_(std::move(options)) {}

  // As HttpClient::send().
  Result<Answer> send(const Request& request);
  // As HttpClient::cancel(), of all of them.
  void cancel();

 private:
  const ClientOptions options_;
  std::mutex mutex_;
  std::list<HttpClient> idle_, busy_;  // guarded by mutex_
  bool cancelled_ = false;             // guarded by mutex_
};

}  // namespace jwtd::outgoing
