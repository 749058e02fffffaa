// app/server.cc - signals are taken by the main thread alone; every other thread is made with them blocked.
#include "app/server.h"

#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <new>
#include <thread>

#include "app/service.h"

namespace jwtd::app {
namespace {

constexpr timespec kPollCallers{1, 0};  // how soon a changed callers file counts
constexpr auto kExitDeadline = std::chrono::milliseconds(9500);  // from the signal; above kDrainDeadline, below the supervisors' 10 s

// Ends the process if that has not happened by itself in time: a thread that hangs in the store cannot be waited for. Nothing is lost by it,
// since only what is on record was answered.
class LastResort {
 public:
  explicit LastResort(Log& log)
      : thread_([this, &log] {
          std::unique_lock lock(mutex_);
          if (done_.wait_for(lock, kExitDeadline, [this] { return ended_; })) return;
          log.error("stop_gave_up", {{"detail", "something hangs, most likely in the store"}});
          log.flush();
          ::_exit(cli::kExitFailed);
        }) {}
  ~LastResort() {
    {
      const std::scoped_lock lock(mutex_);
      ended_ = true;
    }
    done_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool ended_ = false;
  std::thread thread_;
};

// Memory cannot be asked for while there is none, and half a request done is worth nothing: the process ends with a sentence, its supervisor
// starts it again, and what was answered is on record.
void out_of_memory() {
  static constexpr char kWords[] = "jwtd: out of memory\n";
  if (::write(STDERR_FILENO, kWords, sizeof kWords - 1) < 0) ::_exit(cli::kExitFailed);
  ::_exit(cli::kExitFailed);
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

int fail(const Error& error, Log* log) {
  std::fprintf(stderr, "jwtd: %s\n", error.message().c_str());
  if (log) log->error("start_failed", {{"error", error.code().id}, {"detail", error.detail()}});
  return cli::kExitFailed;
}

}  // namespace

int run_server(const cli::ServeRequest& request) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that went away is an error of one write, not of the process
  std::set_new_handler(out_of_memory);
  const sigset_t signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Result<std::unique_ptr<Log>> log = Log::open(request.config.log.options);
  if (!log) return fail(log.error(), nullptr);
  for (const config::Problem& warning : request.warnings) (*log)->warn("config_warning", {{"where", warning.where}, {"what", warning.what}});
  Result<std::unique_ptr<Service>> service = Service::make(request.config, **log);
  if (!service) return fail(service.error(), request.config.log.options.file.empty() ? nullptr : log->get());

  (*service)->start();
  (*log)->info("listening", {{"public", (*service)->public_endpoint()}, {"admin", (*service)->admin_endpoint()}});
  if (request.on_ready) request.on_ready((*service)->public_endpoint(), (*service)->admin_endpoint());

  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &kPollCallers);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGHUP) {
      (*service)->reload();
    } else {
      (*service)->reload_callers_if_changed();
      (*service)->watch_clock();
    }
  }
  (*log)->info("stopping");
  const LastResort last_resort(**log);
  const bool clean = (*service)->stop();
  (*log)->info("stopped", {{"all_answered", clean}});
  return cli::kExitOk;
}

}  // namespace jwtd::app
