// store/rocksdb/names.h - issuers and key names, each pair stored once and called by a number in the records.
//
// A store sees a handful in its life (a customer id, and a key name for each rotation), and they would be half of every record.
// Thread-safety: number_of() and add() on the committing thread; find() on any.
#pragma once

#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace jwtd::store {

struct Name {
  std::string iss;
  std::string kid;
};

class Names {
 public:
  std::optional<std::uint32_t> number_of(std::string_view iss, std::string_view kid);
  // The number the next add() will give.
  std::uint32_t next() const { return static_cast<std::uint32_t>(names_.size()); }
  void add(Name name);
  std::optional<Name> find(std::uint64_t number) const;

 private:
  mutable std::shared_mutex mutex_;
  std::vector<Name> names_;
  std::uint32_t recent_ = 0;
};

}  // namespace jwtd::store
