// sandbox/callback_sender.cc - a queue and a thread.
#include "sandbox/callback_sender.h"

#include "outgoing/http_client.h"

namespace jwtd::sandbox {

CallbackSender::CallbackSender(std::string ca_file, Told told)
    : ca_file_(std::move(ca_file)), told_(std::move(told)), thread_([this] { run(); }) {}

CallbackSender::~CallbackSender() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_one();
  thread_.join();
}

void CallbackSender::set_url(std::string url) {
  const std::lock_guard lock(mutex_);
  url_ = std::move(url);
}

void CallbackSender::send(Callback callback) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) return;
    waiting_.push_back(std::move(callback));
  }
  filled_.notify_one();
}

void CallbackSender::run() {
  outgoing::HttpClient client({ca_file_});
  std::unique_lock lock(mutex_);
  while (true) {
    filled_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const Callback callback = std::move(waiting_.front());
    waiting_.pop_front();
    const std::string url = url_;
    lock.unlock();
    if (url.empty()) {
      told_(callback, "not sent: there is no --callback-url");
    } else {
      outgoing::Request request{.url = url, .method = "POST", .body = callback.body};
      request.fields = {"Content-Type: application/json", "Authorization: " + callback.authorization, "X-TS-Authorization: " + callback.authorization};
      const Result<outgoing::Answer> answer = client.send(request);
      told_(callback, answer ? "answered " + std::to_string(answer->status) : answer.error().message());
    }
    lock.lock();
  }
}

}  // namespace jwtd::sandbox
