// store/rocksdb/names.cc - a list, searched from where the last search ended.
#include "store/rocksdb/names.h"

#include <mutex>
#include <utility>

namespace jwtd::store {

std::optional<std::uint32_t> Names::number_of(std::string_view iss, std::string_view kid) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto at = static_cast<std::uint32_t>((recent_ + i) % names_.size());
    if (names_[at].iss == iss && names_[at].kid == kid) return recent_ = at;
  }
  return std::nullopt;
}

void Names::add(Name name) {
  const std::unique_lock lock(mutex_);
  names_.push_back(std::move(name));
}

std::optional<Name> Names::find(std::uint64_t number) const {
  const std::shared_lock lock(mutex_);
  if (number >= names_.size()) return std::nullopt;
  return names_[number];
}

}  // namespace jwtd::store
