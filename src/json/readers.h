// json/readers.h - the two readers behind JsonObject::parse(). For this room and its tests only.
//
// They agree: what the quick one takes, the exact one takes too and reads the same out of it (readers_test.cc). The quick one takes most of what is
// right and says no word about the rest; the exact one decides and says why. ADR 12 has the reason for two.
//
// Thread-safety: any thread; the quick one keeps its memory for each.
#pragma once

#include <string>
#include <string_view>

#include "json/strict_json.h"

namespace jwtd::json {

// `top` is empty before; after false it holds anything. A text that begins with a byte order mark must not come here.
bool read_quickly(std::string_view text, std::size_t max_depth, JsonMember& top);
bool read_exactly(std::string_view text, std::size_t max_depth, JsonMember& top, std::string& why);

}  // namespace jwtd::json
