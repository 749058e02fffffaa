// store/rocksdb/folder.h - the store's folder: whether it may be used, by whom, and in which format it is.
//
// The file FORMAT holds "jwtd store 2"; whoever holds its flock owns the store. It is written before RocksDB writes anything, so a folder
// with a database and without FORMAT is not ours.
#pragma once

#include <string>

#include "base/result.h"

namespace jwtd::store {

// 2: events and notes (codec.h). A folder of format 1 becomes one of format 2 when it is opened; an older jwtd refuses it then.
inline constexpr int kFormatVersion = 2;

class Folder {
 public:
  // Fails with kStoreLocked, kStoreOpenFailed. Makes the last part of the path if it is missing and `make` says so, and nothing else before
  // it is sure.
  static Result<Folder> claim(const std::string& url, bool make = true);

  Folder(Folder&& other) noexcept;
  Folder& operator=(Folder&&) = delete;
  ~Folder();  // gives the lock back

  const std::string& path() const { return path_; }

 private:
  Folder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;
};

// The path of a rocksdb:// URL, without slashes at its end. Fails with kStoreOpenFailed.
Result<std::string> folder_of(const std::string& url);

// Ok for a folder that holds a store in our format, in use or not; nothing is locked. Fails with kStoreOpenFailed.
Status check_is_store(const std::string& path);

}  // namespace jwtd::store
