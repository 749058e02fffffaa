// store/store.cc - what a driver without whole-store functions answers. TODO: goes when every driver has them.
#include "store/store.h"

namespace jwtd::store {

Result<Slice> Store::scan(std::size_t, std::string_view, UnixMillis) { return Error(kStoreUnavailable, "this driver cannot list everything yet"); }
Result<Adopted> Store::adopt(std::span<const Transaction>) { return Error(kStoreUnavailable, "this driver cannot adopt transactions yet"); }

}  // namespace jwtd::store
