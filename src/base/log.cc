// base/log.cc - the queue between those who log and the one thread that writes.
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/limits.h"
#include "base/log_line.h"
#include "base/thread_name.h"
#include "base/time.h"

namespace jwtd {
namespace {

// Non-blocking, which only matters for a FIFO: without a reader, opening it fails instead of waiting for one.
Result<int> open_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0) return Error(kLogUnwritable, path + ": " + std::generic_category().message(errno));
  return fd;
}

bool is_regular(int fd) {
  struct stat about {};
  return ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

std::uint64_t count_lines(std::string_view text) { return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')); }

// The whole lines at the front of `text` that fit into one write to a pipe.
std::string_view pipe_share(std::string_view text) {
  if (text.size() <= kMaxLogLineBytes) return text;
  return text.substr(0, text.rfind('\n', kMaxLogLineBytes - 1) + 1);
}

}  // namespace

struct Log::Impl {
  LogFormat format = LogFormat::kJson;
  std::string path;  // empty: standard error

  std::mutex mutex;
  std::condition_variable wake;     // for the writer
  std::condition_variable written;  // for flush()
  std::string queue;
  std::uint64_t queue_lost = 0;     // lines that found the queue full, not yet taken over by the writer
  bool idle = false;                // the writer sleeps until it is notified
  bool urgent = false;              // the writer shall not gather, but write
  bool stopping = false;
  std::uint64_t rounds_begun = 0;
  std::uint64_t rounds_done = 0;
  int next_fd = -1;                 // from reopen(), for the writer to take

  std::atomic<std::uint64_t> lost_total{0};
  std::atomic<bool> hurry{false};   // stopping, for the writer while it waits for a pipe

  // The writer's own.
  int fd = -1;
  bool regular = false;
  bool torn = false;                // the last write ended within a line
  std::uint64_t lost = 0;           // lines, not yet reported
  std::chrono::milliseconds patience = kLogStuckTime;  // left for the end
  std::thread writer;

  ~Impl() {
    if (writer.joinable()) {
      {
        const std::lock_guard lock(mutex);
        stopping = true;
      }
      hurry = true;
      wake.notify_one();
      writer.join();
    }
    if (!path.empty() && fd >= 0) ::close(fd);
    if (next_fd >= 0) ::close(next_fd);
  }

  void append(std::string_view line, bool at_once);
  void run();
  void write_round(std::string_view batch);
  bool write_some(std::string_view& text);
  bool wait_writable();
  void report_lost();
  void count_lost(std::uint64_t lines) {
    lost += lines;
    lost_total.fetch_add(lines, std::memory_order_relaxed);
  }
};

void Log::Impl::append(std::string_view line, bool at_once) {
  bool notify = false;
  {
    const std::lock_guard lock(mutex);
    if (queue.size() + line.size() > kMaxLogQueueBytes) {
      ++queue_lost;
      lost_total.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue.append(line);
    if (!urgent && (at_once || queue.size() >= kLogWakeBytes)) notify = urgent = true;
    if (idle) {
      idle = false;  // one notification is enough, however many lines come before the writer runs
      notify = true;
    }
  }
  if (notify) wake.notify_one();
}

void Log::Impl::run() {
  std::string batch;
  std::unique_lock lock(mutex);
  for (;;) {
    const auto called = [this] { return !queue.empty() || urgent || stopping; };
    idle = true;
    if (lost > 0) {
      wake.wait_for(lock, kLogRetryTime, called);
    } else {
      wake.wait(lock, called);
    }
    idle = false;
    if (!queue.empty()) wake.wait_for(lock, kLogGatherTime, [this] { return urgent || stopping; });

    urgent = false;
    batch.clear();
    batch.swap(queue);
    const std::uint64_t late = std::exchange(queue_lost, 0);
    const std::uint64_t round = ++rounds_begun;
    const bool last = stopping;
    if (next_fd >= 0) {
      ::close(fd);  // never standard error: that has no name to open again
      fd = std::exchange(next_fd, -1);
      regular = is_regular(fd);
      torn = false;
    }
    lock.unlock();

    report_lost();
    write_round(batch);
    lost += late;  // counted in lost_total by append()
    report_lost();

    lock.lock();
    rounds_done = round;
    written.notify_all();
    if (last) return;
  }
}

// Writes what it can and counts the rest as lost: keeping it would only lose younger lines instead.
void Log::Impl::write_round(std::string_view batch) {
  while (!batch.empty()) {
    if (!write_some(batch)) {
      count_lost(count_lines(batch));
      return;
    }
  }
}

// Takes what was written off the front of `text`. False: the file does not take it now.
bool Log::Impl::write_some(std::string_view& text) {
  if (torn) {
    std::string_view end = "\n";
    torn = false;
    if (!write_some(end)) {
      torn = true;
      return false;
    }
  }
  // A pipe that is ready takes PIPE_BUF octets without blocking, which its own flags may not promise: standard error is shared with others.
  if (!regular && !wait_writable()) return false;
  const std::string_view share = regular ? text : pipe_share(text);
  const ssize_t wrote = ::write(fd, share.data(), share.size());
  if (wrote < 0) return errno == EINTR || errno == EAGAIN;
  if (wrote == 0) return false;
  torn = share[static_cast<std::size_t>(wrote) - 1] != '\n';
  text.remove_prefix(static_cast<std::size_t>(wrote));
  return true;
}

// Waits as long as the log is open: the queue is bounded, and a reader may only be slow.
bool Log::Impl::wait_writable() {
  constexpr std::chrono::milliseconds kSlice{100};
  for (;;) {
    pollfd ready{fd, POLLOUT, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(kSlice.count()));
    if (count > 0) return true;  // also when it is broken: write() says how
    if (count < 0 && errno != EINTR) return false;
    if (hurry && (patience -= kSlice).count() <= 0) return false;
  }
}

void Log::Impl::report_lost() {
  if (lost == 0) return;
  const LogLine line(format, wall_now(), LogLevel::kWarn, "log_lines_dropped", {{"lines", lost}});
  std::string_view text = line.text();
  while (!text.empty()) {
    if (!write_some(text)) return;
  }
  lost = 0;
}

Log::Log(std::unique_ptr<Impl> impl, LogLevel level) : impl_(std::move(impl)), level_(level) {}

Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(const LogOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->format = options.format;
  impl->path = options.file;
  if (options.file.empty()) {
    impl->fd = STDERR_FILENO;
  } else {
    const auto fd = open_file(options.file);
    if (!fd) return fd.error();
    impl->fd = *fd;
  }
  impl->regular = is_regular(impl->fd);

  // Signals are for the threads of app/; a SIGPIPE that stays blocked leaves write() to say EPIPE.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = 0;
  try {
    impl->writer = std::thread([raw = impl.get()] { name_this_thread("log"), raw->run(); });
  } catch (const std::system_error& error) {
    failed = error.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return Error(kLogUnwritable, "no thread to write it: " + std::generic_category().message(failed));
  return std::unique_ptr<Log>(new Log(std::move(impl), options.level));
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  const LogLine line(impl_->format, wall_now(), level, event, fields);
  impl_->append(line.text(), level >= LogLevel::kWarn);
}

Status Log::reopen() {
  if (impl_->path.empty()) return {};
  const auto fd = open_file(impl_->path);
  if (!fd) return fd.error();
  const std::lock_guard lock(impl_->mutex);
  if (impl_->next_fd >= 0) ::close(impl_->next_fd);
  impl_->next_fd = *fd;
  return {};
}

std::uint64_t Log::dropped() const { return impl_->lost_total.load(std::memory_order_relaxed); }

void Log::flush() {
  std::unique_lock lock(impl_->mutex);
  impl_->urgent = true;
  impl_->wake.notify_one();
  const std::uint64_t round = impl_->rounds_begun + 1;
  impl_->written.wait_for(lock, kLogStuckTime, [&] { return impl_->rounds_done >= round; });
}

}  // namespace jwtd
