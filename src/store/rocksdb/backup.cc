// store/rocksdb/backup.cc - holds all files of one moment, then copies at leisure.
#include "store/rocksdb/backup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/write_all.h"
#include "store/rocksdb/driver.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/log_check.h"

namespace jwtd::store {
namespace {

constexpr int kTries = 500;                                  // a try takes milliseconds, a busy store changes its manifest once or twice a second
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr std::size_t kCopyStep = 1 << 20;                   // octets
constexpr const char* kManifestPrefix = "MANIFEST-";

Error failed(const std::string& path, const std::string& what) { return Error(kBackupFailed, path + ": " + what); }
Error failed_errno(const std::string& path, const char* what) { return failed(path, std::string(what) + ": " + std::generic_category().message(errno)); }

class File {
 public:
  explicit File(int fd = -1) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

File open_to_read(const std::string& path) { return File(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

// nullopt: errno says why.
std::optional<std::string> read_all(int fd) {
  std::string text;
  for (off_t at = 0;;) {
    text.resize(static_cast<std::size_t>(at) + kCopyStep);
    const ssize_t n = ::pread(fd, text.data() + at, kCopyStep, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    at += n;
    text.resize(static_cast<std::size_t>(at));
    if (n == 0) return text;
  }
}

File make_file(const std::string& path) { return File(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)); }

// Zeros at the end, which a log has millions of, become a hole.
Status write_file(const std::string& path, std::string_view text) {
  const File file = make_file(path);
  const std::string_view written = text.substr(0, text.find_last_not_of('\0') + 1);
  if (!file || !write_all(file.get(), written) || ::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0 || ::fsync(file.get()) != 0) {
    return failed_errno(path, "cannot be written");
  }
  return {};
}

Status copy_file(int from, const std::string& path) {
  const File to = make_file(path);
  if (!to) return failed_errno(path, "cannot be made");
  std::vector<char> buffer(kCopyStep);
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(from, buffer.data(), buffer.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed_errno(path, "its source cannot be read");
    if (n == 0) break;
    if (!write_all(to.get(), {buffer.data(), static_cast<std::size_t>(n)})) return failed_errno(path, "cannot be written");
    at += n;
  }
  return ::fsync(to.get()) == 0 ? Status() : failed_errno(path, "cannot be synced");
}

Status sync_folder(const std::string& path) {
  const File folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder && ::fsync(folder.get()) == 0 ? Status() : failed_errno(path, "cannot be synced");
}

// Numbers grow past their six digits.
bool before(const std::string& a, const std::string& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }

// All of one moment.
class Held {
 public:
  // `may_link`: table files may share their octets with the source's.
  Held(std::string from, std::string to, bool may_link) : from_(std::move(from)), to_(std::move(to)), may_link_(may_link) {}

  Status hold(const std::function<void()>& between) {
    for (int i = 0; i < kTries; ++i) {
      if (i > 0) std::this_thread::sleep_for(kPause);
      auto held = try_to_hold(between);
      if (!held) return held.error();
      if (*held) return {};
    }
    return failed(from_, "changed at every one of " + std::to_string(kTries) + " tries");
  }

  // Call after hold(); takes its time.
  Status write(Copied& copied) {
    copied.linked = linked_.size();
    for (const auto& [name, file] : tables_) {
      if (auto done = copy_file(file.get(), to_ + "/" + name); !done) return done;
    }
    for (auto it = logs_.begin(); it != logs_.end(); ++it) {
      const auto log = read_all(it->second.get());
      if (!log) return failed_errno(from_ + "/" + it->first, "cannot be read");
      // Only the last one may still be written to.
      const bool last = std::next(it) == logs_.end();
      if (auto done = write_file(to_ + "/" + it->first, std::string_view(*log).substr(0, last ? intact_log_end(*log) : log->size())); !done) return done;
    }
    if (auto done = write_file(to_ + "/" + manifest_name_, manifest_); !done) return done;
    if (auto done = write_file(to_ + "/CURRENT", manifest_name_ + "\n"); !done) return done;
    if (auto done = write_file(to_ + "/FORMAT", format_); !done) return done;
    return sync_folder(to_);
  }

 private:
  // False: the store went on meanwhile.
  Result<bool> try_to_hold(const std::function<void()>& between) {
    logs_.clear();
    if (auto read = read_manifest(); !read) return read;
    if (between) between();
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(from_.c_str()), closedir);
    if (!folder) return failed_errno(from_, "cannot be listed");
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string name = entry->d_name;
      const std::string path = from_ + "/" + name;
      if (name.ends_with(".log")) {
        File log = open_to_read(path);
        if (!log && errno != ENOENT) return failed_errno(path, "cannot be opened");
        if (log) logs_.emplace(name, std::move(log));
      } else if (name.ends_with(".sst") && !linked_.contains(name) && !tables_.contains(name)) {
        if (may_link_ && ::link(path.c_str(), (to_ + "/" + name).c_str()) == 0) {
          linked_.insert(name);
          continue;
        }
        File table = open_to_read(path);
        if (!table && errno != ENOENT) return failed_errno(path, "cannot be opened");
        if (table) tables_.emplace(name, std::move(table));
      }
    }
    const std::string name = std::exchange(manifest_name_, {}), manifest = std::exchange(manifest_, {});
    auto again = read_manifest();
    if (!again) return again;
    return *again && manifest_name_ == name && manifest_ == manifest;
  }

  Result<bool> read_manifest() {
    const File current = open_to_read(from_ + "/CURRENT");
    if (!current) return failed_errno(from_, "CURRENT cannot be opened");
    auto name = read_all(current.get());
    if (!name) return failed_errno(from_, "CURRENT cannot be read");
    if (name->ends_with('\n')) name->pop_back();
    if (!name->starts_with(kManifestPrefix) || name->find('/') != std::string::npos) return failed(from_, "CURRENT names no manifest");
    const File manifest = open_to_read(from_ + "/" + *name);
    if (!manifest) return errno == ENOENT ? Result<bool>(false) : failed_errno(from_, "the manifest cannot be opened");
    auto text = read_all(manifest.get());
    const File format = open_to_read(from_ + "/FORMAT");
    auto words = format ? read_all(format.get()) : std::nullopt;
    if (!text || !words) return failed_errno(from_, "cannot be read");
    manifest_name_ = *std::move(name);
    manifest_ = *std::move(text);
    format_ = *std::move(words);
    return true;
  }

  const std::string from_, to_;
  const bool may_link_;
  std::string manifest_name_, manifest_, format_;
  std::set<std::string> linked_;
  std::map<std::string, File> tables_;
  std::map<std::string, File, decltype(&before)> logs_{&before};  // oldest first
};

// A folder beside the one to come, gone with this object unless it took its place.
class Unfinished {
 public:
  static Result<Unfinished> beside(const std::string& path) {
    std::error_code error;
    if (std::filesystem::exists(path, error) && !(std::filesystem::is_directory(path, error) && std::filesystem::is_empty(path, error))) {
      return failed(path, "is there already; a backup goes into a folder of its own, which jwtd makes");
    }
    std::string pattern = path + ".unfinished-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) return failed_errno(path, "no folder can be made beside it");
    return Unfinished(path, pattern);
  }
  Unfinished(Unfinished&& other) noexcept : final_(std::move(other.final_)), path_(std::exchange(other.path_, {})) {}
  Unfinished& operator=(Unfinished&&) = delete;
  ~Unfinished() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

  Status finish() {
    if (auto synced = sync_folder(path_); !synced) return synced;
    if (::rename(path_.c_str(), final_.c_str()) != 0) return failed_errno(final_, "cannot take its place");
    path_.clear();
    const std::size_t slash = final_.rfind('/');
    return sync_folder(slash == std::string::npos ? "." : final_.substr(0, std::max<std::size_t>(slash, 1)));
  }

 private:
  Unfinished(std::string final, std::string path) : final_(std::move(final)), path_(std::move(path)) {}
  std::string final_, path_;
};

// A big store has more files than the usual 1024.
void allow_many_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string absolute(const std::string& path) {
  std::string out = std::filesystem::absolute(path).lexically_normal().string();
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

Result<Copied> copy(const std::string& from, const std::string& to, bool may_link, const std::function<Status(Store&)>& check, const std::function<void()>& between) {
  if (auto store = check_is_store(from); !store) return store.error();
  allow_many_files();
  auto unfinished = Unfinished::beside(to);
  if (!unfinished) return unfinished.error();
  Copied copied;
  {
    Held held(from, unfinished->path(), may_link);
    if (auto done = held.hold(between); !done) return done.error();
    if (auto done = held.write(copied); !done) return done.error();
  }
  {
    // As a restart after a power cut would; files that no manifest names, a merge's half-written ones above all, go at this.
    StoreOptions options;
    options.url = "rocksdb://" + unfinished->path();
    options.retention = std::chrono::seconds(0);
    auto store = open_rocksdb_store_on(options, rocksdb::FileSystem::Default(), {.log_space = 0});
    if (!store) return store.error();
    if (check) {
      if (auto checked = check(**store); !checked) return checked.error();
    }
    const Stats stats = (*store)->stats();
    copied.transactions = stats.transactions;
    copied.bytes = stats.bytes;
  }
  if (auto finished = unfinished->finish(); !finished) return finished.error();
  return copied;
}

}  // namespace

Result<Copied> backup_rocksdb_store(const std::string& url, const std::string& folder, const std::function<void()>& between) {
  const auto from = folder_of(url);
  if (!from) return from.error();
  return copy(*from, absolute(folder), /*may_link=*/true, nullptr, between);
}

Result<Copied> restore_rocksdb_store(const std::string& backup, const std::string& url, const std::function<Status(Store&)>& check) {
  const auto to = folder_of(url);
  if (!to) return to.error();
  return copy(absolute(backup), *to, /*may_link=*/false, check, {});
}

}  // namespace jwtd::store
