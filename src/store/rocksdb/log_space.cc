// store/rocksdb/log_space.cc - one spare file, made step by step so that its writing does not stand before a commit's.
#include "store/rocksdb/log_space.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "base/aligned.h"
#include "base/thread_name.h"
#include "store/rocksdb/direct_log.h"

namespace jwtd::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOStatus;

constexpr std::size_t kStep = 512 << 10;                        // octets written and synced at once
constexpr std::size_t kAlignment = 4096;                        // of direct writes
constexpr auto kPause = std::chrono::milliseconds(4);           // between steps; 32 MiB are there in half a second, a log lasts longer
constexpr auto kRetry = std::chrono::seconds(30);               // after a failure, which is a full disk as a rule

class LogSpace final : public rocksdb::FileSystemWrapper {
 public:
  LogSpace(const std::shared_ptr<rocksdb::FileSystem>& below, const std::string& folder, std::size_t octets)
      : FileSystemWrapper(below), path_(folder + "/" + std::string(kLogSpaceName)), octets_(octets), zeros_(allocate_aligned<kAlignment>(kStep)) {
    std::memset(zeros_.get(), 0, kStep);
    ready_ = make(/*gently=*/false);
    thread_ = std::thread([this] { name_this_thread("log space"), run(); });
  }

  ~LogSpace() override {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
    ::unlink(path_.c_str());
  }

  const char* Name() const override { return "jwtd.LogSpace"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* context) override {
    if (name.ends_with(".log")) {
      const std::scoped_lock lock(mutex_);  // until the file has its new name: the thread must not begin another under the old one
      if (ready_) {
        ready_ = false;
        IOStatus status = open_log(name, options, file, context);
        changed_.notify_one();
        if (status.ok()) return status;
      }
    }
    return FileSystemWrapper::NewWritableFile(name, options, file, context);
  }

 private:
  // Renames the file at hand, and writes from the first octet.
  IOStatus open_log(const std::string& name, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* context) {
    if (direct_) {
      FileOptions direct = options;
      direct.use_direct_writes = true;
      IOStatus status = FileSystemWrapper::ReuseWritableFile(name, path_, direct, file, context);
      if (status.ok()) *file = make_direct_log(std::move(*file));
      return status;
    }
    return FileSystemWrapper::ReuseWritableFile(name, path_, options, file, context);
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !ready_; });
      if (stopping_) return;
      lock.unlock();
      const bool made = make(/*gently=*/true);
      lock.lock();
      ready_ = made;
      if (!made) changed_.wait_for(lock, kRetry, [this] { return stopping_; });
    }
  }

  bool stopping() {
    const std::scoped_lock lock(mutex_);
    return stopping_;
  }

  // False: no room, no rights, no such folder. Then nothing is left.
  bool make(bool gently) {
    direct_ = fill(O_DIRECT, gently);
    return direct_ || fill(0, gently);  // there are file systems that know no direct writes
  }

  bool fill(int flags, bool gently) {
    ::unlink(path_.c_str());
    const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0644);
    if (fd < 0) return false;
    std::size_t done = 0;
    while (done < octets_ && !(gently && stopping())) {
      const ssize_t n = ::write(fd, zeros_.get(), std::min(kStep, octets_ - done));
      if (n <= 0 || (gently && ::fdatasync(fd) != 0)) break;
      done += static_cast<std::size_t>(n);
      if (gently) std::this_thread::sleep_for(kPause);
    }
    const bool made = done == octets_ && ::fsync(fd) == 0;
    ::close(fd);
    if (!made) ::unlink(path_.c_str());
    return made;
  }

  const std::string path_;
  const std::size_t octets_;
  const Aligned<kAlignment> zeros_;  // kStep of them
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  bool direct_ = false;  // the file at hand was written past the page cache, so a log can be, too
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> prepare_log_space(const std::shared_ptr<rocksdb::FileSystem>& below, const std::string& folder, std::size_t octets) {
  if (octets == 0) return below;
  return std::make_shared<LogSpace>(below, folder, octets);
}

}  // namespace jwtd::store
