// sandbox/callback_sender.h - posts the provider's callbacks, one after another, from a thread of its own.
//
// Thread-safety: all functions from any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"

namespace jwtd::sandbox {

struct Callback {
  std::string body;
  std::string authorization;  // sent as Authorization and X-TS-Authorization, as the provider does
  std::string about;          // for the line that is printed: "2401 success, x-1"
};

class CallbackSender {
 public:
  using Told = std::function<void(const Callback&, const std::string& outcome)>;  // on the sender's thread

  CallbackSender(std::string ca_file, Told told);
  ~CallbackSender();  // drops what waits
  CallbackSender(const CallbackSender&) = delete;
  CallbackSender& operator=(const CallbackSender&) = delete;

  void set_url(std::string url);  // empty: nothing is sent
  void send(Callback callback);   // beyond kMaxWaiting the newest is dropped

 private:
  static constexpr std::size_t kMaxWaiting = 1'000;
  void run();

  const std::string ca_file_;
  const Told told_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::string url_;                // guarded by mutex_, as the next two
  std::deque<Callback> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace jwtd::sandbox
