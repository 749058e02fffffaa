// store/rocksdb/phone_keys.cc - one iterator an epoch, advanced together.
#include "store/rocksdb/phone_keys.h"

#include <algorithm>
#include <functional>
#include <string>

#include "store/rocksdb/codec.h"
#include "store/rocksdb/health.h"

namespace jwtd::store {

PhoneKeys::PhoneKeys(rocksdb::DB& db, const EpochList& epochs, const Phone& phone, UnixMillis from) {
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;
  std::string start;
  append_phone_prefix(phone, from, start);
  for (const auto& epoch : epochs) {
    iterators_.emplace_back(db.NewIterator(options, (*epoch)[Table::kPhones]));
    iterators_.back()->Seek(start);
  }
}

Result<std::optional<PhoneKeys::Group>> PhoneKeys::next() {
  std::optional<Group> group;
  for (const auto& it : iterators_) {
    if (!it->status().ok()) return read_error(it->status());
    if (!it->Valid()) continue;
    const auto key = read_phone_key(view(it->key()));
    if (!key) return Error(kStoreDamaged, "an index key is too short");
    if (!group || key->created_at > group->created_at) group = Group{key->created_at, {}};
  }
  if (!group) return group;
  for (const auto& it : iterators_) {
    for (; it->Valid(); it->Next()) {
      const auto key = read_phone_key(view(it->key()));
      if (key && key->created_at != group->created_at) break;
      const auto xid = key ? read_xid_key(key->xid_key) : std::nullopt;
      if (!xid) return Error(kStoreDamaged, "an index key holds no XID");
      group->xids.push_back(*xid);
    }
    if (!it->status().ok()) return read_error(it->status());
  }
  std::sort(group->xids.begin(), group->xids.end(), std::greater<>());
  group->xids.erase(std::unique(group->xids.begin(), group->xids.end()), group->xids.end());
  return group;
}

}  // namespace jwtd::store
