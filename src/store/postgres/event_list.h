// store/postgres/event_list.h - events as the jsonb array of their column: [{"k": key, "t": type, "at": UNIX ms, "b": details}].
//
// Details are a string, in the ASCII of values.h: what stands in them comes back octet for octet, also what jsonb could not hold as JSON.
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
