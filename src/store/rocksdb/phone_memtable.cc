// store/rocksdb/phone_memtable.cc - an append-only array of (phone, key), sorted when somebody iterates.
#include "store/rocksdb/phone_memtable.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <optional>
#include <vector>

namespace jwtd::store {
namespace {

using rocksdb::Slice;

constexpr std::size_t kPhoneOctets = 8;
constexpr std::size_t kChunkSlots = 8192;   // 128 KiB
constexpr std::size_t kMaxChunks = 4096;    // 33 million keys: forty times what a write buffer holds

std::uint64_t phone_of(const Slice& key) {
  std::uint64_t phone = 0;
  for (std::size_t i = 0; i < kPhoneOctets; ++i) phone = phone << 8 | static_cast<unsigned char>(key[i]);
  return phone;
}

struct Slot {
  std::uint64_t phone;
  const char* key;  // length-prefixed, as RocksDB laid it out
};

class PhoneMemtable;

// Memory that a table lent. As an iterator's first base it is destroyed last: whoever gets the block next may write into it at once.
struct Lease {
  PhoneMemtable& lender;
  void* lent;  // nullptr: the iterator lies elsewhere
  ~Lease();
};

class SortedIterator final : private Lease, public rocksdb::MemTableRep::Iterator {
 public:
  SortedIterator(PhoneMemtable& table, bool one_phone, void* block) : Lease{table, block}, table_(table), one_phone_(one_phone) {}

  bool Valid() const override { return at_ < slots_.size(); }
  const char* key() const override { return slots_[at_].key; }
  void Next() override { ++at_; }
  void Prev() override { at_ = at_ == 0 ? slots_.size() : at_ - 1; }
  void Seek(const Slice& internal_key, const char* memtable_key) override;
  void SeekForPrev(const Slice& internal_key, const char* memtable_key) override;
  void SeekToFirst() override;
  void SeekToLast() override;

 private:
  void load(std::optional<std::uint64_t> phone);
  std::size_t lower_bound(const Slice& internal_key) const;

  PhoneMemtable& table_;
  const bool one_phone_;
  std::optional<std::uint64_t> loaded_phone_;
  bool loaded_all_ = false;
  std::vector<Slot> slots_;
  std::size_t at_ = 0;
};

class PhoneMemtable final : public rocksdb::MemTableRep {
 public:
  PhoneMemtable(const KeyComparator& compare, rocksdb::Allocator* allocator) : MemTableRep(allocator), compare_(compare) {}

  ~PhoneMemtable() override {
    for (auto& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
    for (void* block : blocks_) ::operator delete(block);
  }

  void Insert(rocksdb::KeyHandle handle) override {
    const auto* key = static_cast<const char*>(handle);
    const std::size_t at = size_.load(std::memory_order_relaxed);
    if (at == kChunkSlots * kMaxChunks) std::abort();
    Slot* chunk = chunks_[at / kChunkSlots].load(std::memory_order_relaxed);
    if (chunk == nullptr) {
      chunk = new Slot[kChunkSlots];
      chunks_[at / kChunkSlots].store(chunk, std::memory_order_relaxed);
    }
    chunk[at % kChunkSlots] = {phone_of(UserKey(key)), key};
    size_.store(at + 1, std::memory_order_release);
  }

  bool Contains(const char* key) const override {
    const Slice wanted = compare_.decode_key(key);
    const auto slots = copy(phone_of(UserKey(key)));
    return std::any_of(slots.begin(), slots.end(), [&](const Slot& slot) { return compare_(slot.key, wanted) == 0; });
  }

  std::size_t ApproximateMemoryUsage() override {
    return (size_.load(std::memory_order_relaxed) + kChunkSlots - 1) / kChunkSlots * kChunkSlots * sizeof(Slot);
  }

  Iterator* GetIterator(rocksdb::Arena* arena) override { return make_iterator(false, arena); }
  Iterator* GetDynamicPrefixIterator(rocksdb::Arena* arena) override { return make_iterator(true, arena); }

  // The keys of one phone, or all.
  std::vector<Slot> copy(std::optional<std::uint64_t> phone) const {
    std::vector<Slot> slots;
    const std::size_t size = size_.load(std::memory_order_acquire);
    if (!phone) slots.reserve(size);
    for (std::size_t from = 0; from < size; from += kChunkSlots) {
      const Slot* chunk = chunks_[from / kChunkSlots].load(std::memory_order_relaxed);
      const std::size_t count = std::min(kChunkSlots, size - from);
      std::copy_if(chunk, chunk + count, std::back_inserter(slots), [&](const Slot& slot) { return !phone || slot.phone == *phone; });
    }
    return slots;
  }

  const KeyComparator& compare() const { return compare_; }

  void give_back(void* block) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(block);
  }

 private:
  // With an arena RocksDB runs the destructor and frees nothing; the arena's header is not public, so the table lends the memory.
  Iterator* make_iterator(bool one_phone, rocksdb::Arena* arena) {
    if (arena == nullptr) return new SortedIterator(*this, one_phone, nullptr);
    const std::scoped_lock lock(mutex_);
    if (free_.empty()) {
      blocks_.push_back(::operator new(sizeof(SortedIterator)));
      free_.push_back(blocks_.back());
    }
    void* block = free_.back();
    free_.pop_back();
    return new (block) SortedIterator(*this, one_phone, block);
  }

  const KeyComparator& compare_;
  std::array<std::atomic<Slot*>, kMaxChunks> chunks_{};
  std::atomic<std::size_t> size_{0};
  std::mutex mutex_;
  std::vector<void*> blocks_;  // all that were ever lent
  std::vector<void*> free_;
};

Lease::~Lease() {
  if (lent != nullptr) lender.give_back(lent);
}

void SortedIterator::load(std::optional<std::uint64_t> phone) {
  if (loaded_all_ || (phone && loaded_phone_ == phone)) return;
  slots_ = table_.copy(phone);
  std::sort(slots_.begin(), slots_.end(), [&compare = table_.compare()](const Slot& a, const Slot& b) {
    return a.phone != b.phone ? a.phone < b.phone : compare(a.key, b.key) < 0;
  });
  loaded_all_ = !phone;
  loaded_phone_ = phone;
}

std::size_t SortedIterator::lower_bound(const Slice& internal_key) const {
  const auto found = std::lower_bound(slots_.begin(), slots_.end(), internal_key,
                                      [&](const Slot& slot, const Slice& wanted) { return table_.compare()(slot.key, wanted) < 0; });
  return static_cast<std::size_t>(found - slots_.begin());
}

void SortedIterator::Seek(const Slice& internal_key, const char* memtable_key) {
  const Slice wanted = memtable_key != nullptr ? table_.compare().decode_key(memtable_key) : internal_key;
  load(one_phone_ ? std::optional(phone_of(wanted)) : std::nullopt);
  at_ = lower_bound(wanted);
}

void SortedIterator::SeekForPrev(const Slice& internal_key, const char* memtable_key) {
  Seek(internal_key, memtable_key);
  const Slice wanted = memtable_key != nullptr ? table_.compare().decode_key(memtable_key) : internal_key;
  if (!Valid() || table_.compare()(key(), wanted) != 0) Prev();
}

void SortedIterator::SeekToFirst() {
  load(std::nullopt);
  at_ = 0;
}

void SortedIterator::SeekToLast() {
  load(std::nullopt);
  at_ = slots_.empty() ? 0 : slots_.size() - 1;
}

class Factory final : public rocksdb::MemTableRepFactory {
 public:
  rocksdb::MemTableRep* CreateMemTableRep(const rocksdb::MemTableRep::KeyComparator& compare, rocksdb::Allocator* allocator,
                                          const rocksdb::SliceTransform*, rocksdb::Logger*) override {
    return new PhoneMemtable(compare, allocator);
  }
  const char* Name() const override { return "jwtd.PhoneMemtable"; }
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> make_phone_memtable_factory() { return std::make_shared<Factory>(); }

}  // namespace jwtd::store
