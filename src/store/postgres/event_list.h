// store/postgres/event_list.h - events as the text of their column: JSON objects {"at": UNIX ms, "b": details, "k": key, "t": type} with commas between,
// so that more of them are appended without reading the others. '"t":4}' stands nowhere but at the end of an event of that type: statements look for it.
//
// Details are a string, in the ASCII of values.h: what stands in them comes back octet for octet, also what JSON could not hold.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/record.h"

namespace jwtd::store::postgres {

std::string write_event_list(std::span<const Event* const> events);
std::optional<std::vector<Event>> read_event_list(std::string_view text);  // nullopt: not what write_event_list() writes

}  // namespace jwtd::store::postgres
