// store/rocksdb/folder.cc - checks in the order in which they can fail, each with a sentence that says what to do.
#include "store/rocksdb/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/write_all.h"
#include "store/rocksdb/log_space.h"
#include "store/store.h"

namespace jwtd::store {
namespace {

constexpr std::string_view kScheme = "rocksdb://";
constexpr std::string_view kFormatWords = "jwtd store ";
constexpr std::size_t kMaxFormatBytes = 64;

Error refused(const std::string& path, const std::string& why) { return Error(kStoreOpenFailed, path + ": " + why); }
Error refused_errno(const std::string& path, const std::string& what) { return refused(path, what + ": " + std::strerror(errno)); }

struct Contents {
  bool has_database = false;
  bool has_strangers = false;
};

std::optional<Contents> list(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (!folder) return std::nullopt;
  Contents contents;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name == "CURRENT") contents.has_database = true;
    if (name != "." && name != ".." && name != "lost+found" && name != "FORMAT" && name != "FORMAT.new" && name != kLogSpaceName) contents.has_strangers = true;
  }
  return contents;
}

std::string format_words() { return std::string(kFormatWords) + std::to_string(kFormatVersion) + "\n"; }

Status sync_folder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return refused_errno(path, "cannot be opened");
  const int failed = fsync(fd);
  close(fd);
  if (failed != 0) return refused_errno(path, "cannot be synced");
  return {};
}

Status make_folder(const std::string& path) {
  struct stat found;
  if (stat(path.c_str(), &found) == 0) {
    if (!S_ISDIR(found.st_mode)) return refused(path, "is not a folder");
    return {};
  }
  if (errno != ENOENT) return refused_errno(path, "cannot be reached");
  const std::string parent = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  if (stat(parent.c_str(), &found) != 0) return refused_errno(path, "the folder above it, " + parent + ", cannot be used");
  if (mkdir(path.c_str(), 0700) != 0) return refused_errno(path, "cannot be made");
  return sync_folder(parent);
}

// Whole or not at all: a half-written FORMAT would make the store unreadable.
Status write_format(const std::string& path) {
  const std::string fresh = path + "/FORMAT.new", final = path + "/FORMAT";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return refused_errno(path, "no file can be made in it");
  const std::string words = format_words();
  const bool written = write_all(fd, words) && fsync(fd) == 0;
  const int cause = errno;
  close(fd);
  errno = cause;
  // link() instead of rename(): of two processes that start at once, one makes the file that both then try to lock.
  if (!written || (link(fresh.c_str(), final.c_str()) != 0 && errno != EEXIST)) {
    const Error error = refused_errno(path, "FORMAT cannot be written");
    unlink(fresh.c_str());
    return error;
  }
  unlink(fresh.c_str());
  return sync_folder(path);
}

Status check_format(const std::string& path, int fd) {
  char text[kMaxFormatBytes];
  const ssize_t size = pread(fd, text, sizeof text, 0);
  if (size < 0) return refused_errno(path, "FORMAT cannot be read");
  std::string_view words(text, static_cast<std::size_t>(size));
  if (!words.starts_with(kFormatWords)) return refused(path, "FORMAT is not one that jwtd wrote");
  words.remove_prefix(kFormatWords.size());
  int version = 0;
  const auto [end, failure] = std::from_chars(words.data(), words.data() + words.size(), version);
  if (failure != std::errc() || end == words.data() + words.size() || *end != '\n') return refused(path, "FORMAT is not one that jwtd wrote");
  if (version < 1) return refused(path, "FORMAT is not one that jwtd wrote");
  if (version <= kFormatVersion) return {};
  return refused(path, "was written by a newer jwtd (format " + std::to_string(version) + "; this one reads formats up to " +
                           std::to_string(kFormatVersion) + "). Use that version, or another folder.");
}

}  // namespace

Result<std::string> folder_of(const std::string& url) {
  if (!url.starts_with(kScheme)) return Error(kStoreOpenFailed, url + ": must start with rocksdb://");
  std::string path = url.substr(kScheme.size());
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (!path.starts_with('/')) return Error(kStoreOpenFailed, url + ": the path must be absolute, as in rocksdb:///var/lib/jwtd");
  return path;
}

Status check_is_store(const std::string& path) {
  const int fd = open((path + "/FORMAT").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? refused(path, "holds no jwtd store") : refused_errno(path, "FORMAT cannot be opened");
  auto checked = check_format(path, fd);
  close(fd);
  return checked;
}

Result<Folder> Folder::claim(const std::string& url, bool make) {
  auto parsed = folder_of(url);
  if (!parsed) return parsed.error();
  std::string path = *std::move(parsed);
  if (!make) {
    if (auto there = check_is_store(path); !there) return there.error();
  }
  if (auto made = make_folder(path); !made) return made.error();
  const std::string format = path + "/FORMAT";
  if (access(format.c_str(), F_OK) != 0) {
    if (errno != ENOENT) return refused_errno(path, "cannot be entered");
    const auto contents = list(path);
    if (!contents) return refused_errno(path, "cannot be listed");
    if (contents->has_database) return refused(path, "holds a database that jwtd did not make (it has no file FORMAT)");
    if (contents->has_strangers) return refused(path, "is not empty and holds no jwtd store");
    if (auto written = write_format(path); !written) return written.error();
  }
  const int lock = open(format.c_str(), O_RDWR | O_CLOEXEC);
  if (lock < 0) return refused_errno(path, "FORMAT cannot be opened for writing");
  Folder folder(std::move(path), lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Error(kStoreLocked, folder.path_ + ": stop that one first, or give this one another folder");
    return refused_errno(folder.path_, "cannot be locked");
  }
  if (auto checked = check_format(folder.path_, lock); !checked) return checked.error();
  // In place, since the lock is on this very file. Of an older format only the number differs, one octet.
  const std::string words = format_words();
  if (pwrite(lock, words.data(), words.size(), 0) != static_cast<ssize_t>(words.size()) || fsync(lock) != 0) return refused_errno(folder.path_, "FORMAT cannot be written");
  return folder;
}

Folder::Folder(Folder&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

Folder::~Folder() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace jwtd::store
