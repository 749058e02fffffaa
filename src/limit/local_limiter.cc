// limit/local_limiter.cc - the table: sets of eight cells, striped locks, overflow cells; and GCRA over them.
#include "limit/local_limiter.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <new>
#include <span>
#include <thread>
#include <utility>

#include "base/secret.h"
#include "limit/gcra.h"
#include "limit/siphash.h"

namespace jwtd::limit {
namespace {

constexpr std::size_t kWays = 8;                          // two cache lines, which the prefetcher fetches as a pair
constexpr std::size_t kStripes = 1024;                    // two requests at once meet in one of a thousand cases
constexpr std::size_t kMaxShards = 16'384;                // overflow cells a rate: 128 KiB, so they stay in the second-level cache
constexpr std::size_t kInlineRates = 16;                  // rates over all rules that need no allocation; more work, slower
constexpr int kSpinsBeforeYield = 64;                     // a holder needs some 100 ns unless it lost its processor
constexpr std::int64_t kMaxTime = std::int64_t{1} << 60;  // 36 years of nanoseconds since boot; see Rate::kMaxWindow

struct Cell {
  std::uint64_t hash;  // 0: never used
  std::int64_t tat;    // nanoseconds of the caller's clock; at or before now: free
};

struct alignas(64) Stripe {
  std::atomic<bool> locked{false};
  std::int64_t latest = 0;  // the latest time seen; guarded by `locked`

  void lock() {
    for (int spins = 0; locked.exchange(true, std::memory_order_acquire); ++spins) {
      if (spins >= kSpinsBeforeYield) std::this_thread::yield();
    }
  }
  void unlock() { locked.store(false, std::memory_order_release); }
};

// One line of one request.
struct Slot {
  std::uint64_t hash;
  std::uint32_t set;
  std::uint32_t shard;
  std::uint32_t stripe;
  std::int64_t tat;  // what counts for the key, not before now
};

}  // namespace

struct LocalLimiter::Table {
  Table(const std::vector<Rule>& rules, std::size_t cells)
      : hash(random_octets(SipHash<1, 3>::kKeyBytes)),
        sets(std::bit_ceil(std::max(cells, kWays)) / kWays),
        shards(std::min(sets, kMaxShards)),
        lines(lines_of(rules)) {
    cell_memory = map(sets * kWays * sizeof(Cell));
    cell = static_cast<Cell*>(cell_memory.data);
    overflow_memory = map(std::max<std::size_t>(lines.size(), 1) * shards * sizeof(std::int64_t));
    overflow = static_cast<std::int64_t*>(overflow_memory.data);
  }

  struct Mapping {
    void* data = nullptr;
    std::size_t size = 0;
    Mapping() = default;
    Mapping(Mapping&& other) noexcept : data(std::exchange(other.data, nullptr)), size(other.size) {}
    Mapping& operator=(Mapping&& other) noexcept {
      std::swap(data, other.data);
      std::swap(size, other.size);
      return *this;
    }
    ~Mapping() {
      if (data != nullptr) ::munmap(data, size);
    }
  };

  // Zeros, and real memory only where it is written.
  static Mapping map(std::size_t size) {
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();  // as any container would
    Mapping mapping;
    mapping.data = data;
    mapping.size = size;
    return mapping;
  }

  void place(std::span<Slot> slots, const ClientKey& client, Phone phone) const;
  Slot place_key(std::size_t ordinal, const ClientKey& client, Phone phone) const;
  Decision decide(std::span<Slot> slots, std::int64_t now);
  bool look_up(std::size_t ordinal, Slot& slot, std::int64_t now) const;
  void charge(std::size_t ordinal, const Slot& slot, std::int64_t now);

  std::span<Cell> set_of(const Slot& slot) const { return {cell + std::size_t{slot.set} * kWays, kWays}; }
  std::int64_t& overflow_of(std::size_t ordinal, const Slot& slot) const { return overflow[ordinal * shards + slot.shard]; }

  SipHash<1, 3> hash;
  std::size_t sets;    // a power of two
  std::size_t shards;  // a power of two, at most `sets`: a set is in one shard, a shard under one stripe
  std::vector<Line> lines;
  Mapping cell_memory;
  Mapping overflow_memory;
  Cell* cell = nullptr;
  std::int64_t* overflow = nullptr;
  std::array<Stripe, kStripes> stripes;
  std::atomic<std::uint64_t> overflowed{0};
};

Slot LocalLimiter::Table::place_key(std::size_t ordinal, const ClientKey& client, Phone phone) const {
  Slot slot{};
  const KeyKind kind = lines[ordinal].kind;
  if (kind == KeyKind::kAll) {
    // Its one key has the overflow cell of one shard for itself (hash 0 is never looked up in a set).
    slot.shard = static_cast<std::uint32_t>(ordinal & (shards - 1));
  } else {
    std::array<char, 16> text{};
    const auto short_ordinal = static_cast<std::uint32_t>(ordinal);
    std::memcpy(text.data(), &short_ordinal, sizeof short_ordinal);
    const std::uint64_t packed = phone.packed();
    if (kind == KeyKind::kClient) std::memcpy(text.data() + 4, client.octets.data(), client.octets.size());
    else std::memcpy(text.data() + 4, &packed, sizeof packed);
    slot.hash = std::max<std::uint64_t>(hash({text.data(), text.size()}), 1);
    slot.set = static_cast<std::uint32_t>((slot.hash >> 20) & (sets - 1));
    slot.shard = static_cast<std::uint32_t>(slot.set & (shards - 1));
    const char* const line = reinterpret_cast<const char*>(cell + std::size_t{slot.set} * kWays);
    __builtin_prefetch(line, 1);
    __builtin_prefetch(line + 64, 1);
  }
  slot.stripe = slot.shard & (kStripes - 1);
  return slot;
}

void LocalLimiter::Table::place(std::span<Slot> slots, const ClientKey& client, Phone phone) const {
  for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = place_key(i, client, phone);
}

// Sets slot.tat; true when only the overflow cell is left for the key.
bool LocalLimiter::Table::look_up(std::size_t ordinal, Slot& slot, std::int64_t now) const {
  bool full = false;
  if (slot.hash != 0) {
    full = true;
    for (const Cell& c : set_of(slot)) {
      if (c.hash == slot.hash) {
        slot.tat = std::max(c.tat, now);
        return false;
      }
      full = full && c.tat > now;
    }
  }
  slot.tat = std::max(overflow_of(ordinal, slot), now);  // it may have been limited there before
  return full;
}

void LocalLimiter::Table::charge(std::size_t ordinal, const Slot& slot, std::int64_t now) {
  const std::int64_t tat = slot.tat + lines[ordinal].interval;
  Cell* free = nullptr;
  if (slot.hash != 0) {
    for (Cell& c : set_of(slot)) {
      if (c.hash == slot.hash) {
        c.tat = tat;
        return;
      }
      if (free == nullptr && c.tat <= now) free = &c;
    }
  }
  // Looked for again rather than kept from look_up(): another rate of this request may meanwhile have taken the last free cell of the set,
  // even the very one that was this key's and whose time has come. Then slot.tat says nothing about the overflow cell.
  if (free != nullptr) {
    *free = Cell{slot.hash, tat};
  } else {
    std::int64_t& shared = overflow_of(ordinal, slot);
    shared = std::max(shared, slot.tat) + lines[ordinal].interval;
  }
}

Decision LocalLimiter::Table::decide(std::span<Slot> slots, std::int64_t now) {
  Decision decision;
  bool overflows = false;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& slot = slots[i];
    overflows |= look_up(i, slot, now);
    weigh(lines[i], slot.tat - now, decision);
  }
  if (overflows) overflowed.fetch_add(1, std::memory_order_relaxed);
  if (decision.allowed) {
    for (std::size_t i = 0; i < slots.size(); ++i) charge(i, slots[i], now);
  }
  return decision;
}

LocalLimiter::LocalLimiter(std::vector<Rule> rules, std::size_t cells)
    : rules_(std::move(rules)), table_(std::make_unique<Table>(rules_, cells)) {}

LocalLimiter::~LocalLimiter() = default;

const std::vector<Rule>& LocalLimiter::rules() const { return rules_; }

Task<Decision> LocalLimiter::acquire(const ClientKey& client, Phone phone, Monotonic::time_point now) {
  co_return acquire_now(client, phone, now);
}

Decision LocalLimiter::acquire_now(const ClientKey& client, Phone phone, Monotonic::time_point now) {
  const std::size_t count = table_->lines.size();
  if (count == 0) return {};
  std::array<Slot, kInlineRates> inline_slots;
  std::array<std::uint32_t, kInlineRates> inline_order;
  std::vector<Slot> more_slots(count > kInlineRates ? count : 0);
  std::vector<std::uint32_t> more_order(more_slots.size());
  const std::span<Slot> slots = more_slots.empty() ? std::span(inline_slots).first(count) : std::span(more_slots);
  const std::span<std::uint32_t> order = more_order.empty() ? std::span(inline_order).first(count) : std::span(more_order);

  table_->place(slots, client, phone);
  for (std::size_t i = 0; i < count; ++i) order[i] = slots[i].stripe;
  std::sort(order.begin(), order.end());  // one order for everybody, so nobody waits in a circle
  const auto held = std::span(order.begin(), std::unique(order.begin(), order.end()));

  std::int64_t at = std::min<std::int64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count(), kMaxTime);
  for (const std::uint32_t stripe : held) {
    table_->stripes[stripe].lock();
    at = std::max(at, table_->stripes[stripe].latest);
  }
  const Decision decision = table_->decide(slots, at);
  for (const std::uint32_t stripe : held) {
    table_->stripes[stripe].latest = at;
    table_->stripes[stripe].unlock();
  }
  return decision;
}

std::uint64_t LocalLimiter::overflowed() const { return table_->overflowed.load(std::memory_order_relaxed); }

std::size_t LocalLimiter::reserved_bytes() const { return table_->cell_memory.size + table_->overflow_memory.size + sizeof(Table); }

}  // namespace jwtd::limit
