// cli/store_place.h - from what was typed to a store, with the words for what is wrong; private to cli/'s store verbs.
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/store.h"

namespace jwtd::cli {

bool is_store_url(const std::string& where);

// What a place says. `of_a_url` is the retention where no configuration says one. nullopt: said why on `err`, and that is kExitUsage.
std::optional<store::StoreOptions> options_of(const StorePlace& place, const char* flag, std::chrono::seconds of_a_url, const Stores& stores, std::ostream& err);

// kExitUsage or kExitFailed, and the error on `err`.
int fail_with(const Error& error, std::ostream& err);

// Digits alone may be a phone number that somebody uses as an XID.
std::string masked(const std::string& where);

}  // namespace jwtd::cli
