// store/rocksdb/direct_log.cc - one aligned buffer that begins at the first block which is not full yet.
#include "store/rocksdb/direct_log.h"

#include <cstring>
#include <mutex>

#include "base/aligned.h"

namespace jwtd::store {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::size_t kBlock = 4096;               // a multiple of every disk's sector
constexpr std::size_t kFirstBuffer = 16 * kBlock;  // a hundred records and more

constexpr std::size_t whole_blocks(std::size_t octets) { return (octets + kBlock - 1) / kBlock * kBlock; }

class DirectLog final : public rocksdb::FSWritableFile {
 public:
  explicit DirectLog(std::unique_ptr<rocksdb::FSWritableFile> file) : file_(std::move(file)), buffer_(allocate_aligned<kBlock>(kFirstBuffer)) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& octets, const IOOptions&, IODebugContext*) override {
    const std::scoped_lock lock(mutex_);
    make_room(used_ + octets.size());
    std::memcpy(buffer_.get() + used_, octets.data(), octets.size());
    used_ += octets.size();
    pending_ = true;
    return IOStatus::OK();
  }

  IOStatus Flush(const IOOptions& options, IODebugContext* context) override {
    const std::scoped_lock lock(mutex_);
    return flush(options, context);
  }

  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    const std::scoped_lock lock(mutex_);
    IOStatus status = flush(options, context);
    return status.ok() ? file_->Sync(options, context) : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    const std::scoped_lock lock(mutex_);
    IOStatus status = flush(options, context);
    return status.ok() ? file_->Fsync(options, context) : status;
  }

  IOStatus Close(const IOOptions& options, IODebugContext* context) override {
    const std::scoped_lock lock(mutex_);
    const IOStatus flushed = flush(options, context);
    const IOStatus closed = file_->Close(options, context);
    return flushed.ok() ? closed : flushed;
  }

  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    const std::scoped_lock lock(mutex_);
    return begin_ + used_;
  }

 private:
  void make_room(std::size_t octets) {
    if (octets <= capacity_) return;
    std::size_t larger = capacity_;
    while (larger < octets) larger *= 2;
    auto fresh = allocate_aligned<kBlock>(larger);
    std::memcpy(fresh.get(), buffer_.get(), used_);
    buffer_ = std::move(fresh);
    capacity_ = larger;
  }

  IOStatus flush(const IOOptions& options, IODebugContext* context) {
    if (!pending_) return IOStatus::OK();
    const std::size_t octets = whole_blocks(used_);
    std::memset(buffer_.get() + used_, 0, octets - used_);
    IOStatus status = file_->PositionedAppend(Slice(buffer_.get(), octets), begin_, options, context);
    if (!status.ok()) return status;
    pending_ = false;
    const std::size_t full = used_ / kBlock * kBlock;
    std::memmove(buffer_.get(), buffer_.get() + full, used_ - full);
    begin_ += full;
    used_ -= full;
    return status;
  }

  std::mutex mutex_;
  const std::unique_ptr<rocksdb::FSWritableFile> file_;
  Aligned<kBlock> buffer_;
  std::size_t capacity_ = kFirstBuffer;  // whole blocks
  std::size_t used_ = 0;                 // octets in the buffer
  std::uint64_t begin_ = 0;              // where in the file the buffer begins; whole blocks
  bool pending_ = false;                 // something was appended since the last flush
};

}  // namespace

std::unique_ptr<rocksdb::FSWritableFile> make_direct_log(std::unique_ptr<rocksdb::FSWritableFile> file) {
  return std::make_unique<DirectLog>(std::move(file));
}

}  // namespace jwtd::store
