// store/rocksdb/sync_watch.cc - wraps files and folders whose syncs count.
#include "store/rocksdb/sync_watch.h"

#include <utility>

namespace jwtd::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class WatchedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<SyncWatch> watch)
      : FSWritableFileOwnerWrapper(std::move(file)), watch_(std::move(watch)) {}

  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    return noted("sync", FSWritableFileOwnerWrapper::Sync(options, context));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    return noted("sync", FSWritableFileOwnerWrapper::Fsync(options, context));
  }
  // Also reports, and thereby consumes, an earlier write error of the kernel.
  IOStatus RangeSync(std::uint64_t offset, std::uint64_t size, const IOOptions& options, IODebugContext* context) override {
    return noted("write-back", FSWritableFileOwnerWrapper::RangeSync(offset, size, options, context));
  }

 private:
  IOStatus noted(const char* what, IOStatus status) {
    if (!status.ok()) watch_->note(what, status);
    return status;
  }
  std::shared_ptr<SyncWatch> watch_;
};

class WatchedDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  WatchedDirectory(std::unique_ptr<rocksdb::FSDirectory>&& directory, std::shared_ptr<SyncWatch> watch)
      : FSDirectoryWrapper(std::move(directory)), watch_(std::move(watch)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    IOStatus status = FSDirectoryWrapper::Fsync(options, context);
    if (!status.ok()) watch_->note("folder sync", status);
    return status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* context, const rocksdb::DirFsyncOptions& how) override {
    IOStatus status = FSDirectoryWrapper::FsyncWithDirOptions(options, context, how);
    if (!status.ok()) watch_->note("folder sync", status);
    return status;
  }

 private:
  std::shared_ptr<SyncWatch> watch_;
};

class WatchedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  WatchedFileSystem(const std::shared_ptr<rocksdb::FileSystem>& below, std::shared_ptr<SyncWatch> watch)
      : FileSystemWrapper(below), watch_(std::move(watch)) {}

  const char* Name() const override { return "jwtd.WatchedFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* context) override {
    return watched(FileSystemWrapper::NewWritableFile(name, options, file, context), file);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext* context) override {
    return watched(FileSystemWrapper::ReopenWritableFile(name, options, file, context), file);
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& former, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* context) override {
    return watched(FileSystemWrapper::ReuseWritableFile(name, former, options, file, context), file);
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options, std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext* context) override {
    IOStatus status = FileSystemWrapper::NewDirectory(name, options, directory, context);
    if (status.ok()) *directory = std::make_unique<WatchedDirectory>(std::move(*directory), watch_);
    return status;
  }

 private:
  IOStatus watched(IOStatus status, std::unique_ptr<rocksdb::FSWritableFile>* file) {
    if (status.ok()) *file = std::make_unique<WatchedFile>(std::move(*file), watch_);
    return status;
  }
  std::shared_ptr<SyncWatch> watch_;
};

}  // namespace

std::string SyncWatch::cause() const {
  const std::scoped_lock lock(mutex_);
  return cause_;
}

void SyncWatch::note(const char* what, const rocksdb::IOStatus& status) {
  const std::scoped_lock lock(mutex_);
  if (failed_.load(std::memory_order_relaxed)) return;
  cause_ = std::string("a ") + what + " failed: " + status.ToString();
  failed_.store(true, std::memory_order_release);
}

std::shared_ptr<rocksdb::FileSystem> watch_syncs(const std::shared_ptr<rocksdb::FileSystem>& below, const std::shared_ptr<SyncWatch>& watch) {
  return std::make_shared<WatchedFileSystem>(below, watch);
}

}  // namespace jwtd::store
