// outgoing/client_pool.cc - two lists.
#include "outgoing/client_pool.h"

#include <iterator>

namespace jwtd::outgoing {

Result<Answer> ClientPool::send(const Request& request) {
  std::list<HttpClient>::iterator client;
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return Error(kRequestCancelled);
    if (idle_.empty()) idle_.emplace_back(options_);
    client = std::prev(idle_.end());  // the one that was used last: its connection is the youngest
    busy_.splice(busy_.end(), idle_, client);
  }
  Result<Answer> answer = client->send(request);
  const std::lock_guard lock(mutex_);
  idle_.splice(idle_.end(), busy_, client);
  return answer;
}

void ClientPool::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (HttpClient& client : busy_) client.cancel();
}

}  // namespace jwtd::outgoing
