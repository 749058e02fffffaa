// cli/copy_state.cc - a JSON object, written beside its place and renamed.
#include "cli/copy_state.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/whole_file.h"

namespace jwtd::cli {
namespace {

using nlohmann::json;

Error unusable(const std::string& file, const std::string& why) { return Error(kCopyStateUnusable, file + ": " + why); }

}  // namespace

Result<bool> CopyState::load(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return false;
  const json state = json::parse(in, nullptr, false);
  const auto text = [&](const char* name) {
    const auto found = state.find(name);
    return found != state.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto number = [&](const char* name) {
    const auto found = state.find(name);
    return found != state.end() && found->is_number_integer() ? found->get<std::uint64_t>() : 0;
  };
  if (!state.is_object() || number("jwtd_copy") != 1) return unusable(file, "it is none, or a newer jwtd's; name another with --state");
  if (text("from") != from || text("to") != to) {
    return unusable(file, "it is that of a copy from " + text("from") + " to " + text("to") + "; finish that one, remove the file, or name another with --state");
  }
  now = static_cast<UnixMillis>(number("now"));
  cursor = text("cursor");
  seen = number("seen");
  written = number("written");
  present = number("present");
  different = number("different");
  expired = number("expired");
  damaged_count = number("damaged_count");
  scanned = number("scanned") != 0;
  if (const auto list = state.find("damaged"); list != state.end() && list->is_array()) {
    for (const json& one : *list) {
      if (one.is_array() && one.size() == 2 && one[0].is_string() && one[1].is_string()) damaged.push_back({one[0].get<std::string>(), one[1].get<std::string>()});
    }
  }
  return true;
}

Status CopyState::save(const std::string& file) const {
  json list = json::array();
  for (const auto& one : damaged) list.push_back({one.where, one.what});
  const json state{{"jwtd_copy", 1},        {"from", from},       {"to", to},           {"now", now},         {"cursor", cursor},
                   {"seen", seen},          {"written", written}, {"present", present}, {"different", different}, {"expired", expired},
                   {"damaged_count", damaged_count}, {"damaged", list}, {"scanned", scanned ? 1 : 0}};
  const int cause = write_whole_file(file, state.dump(-1, ' ', true, json::error_handler_t::replace) + "\n", 0600);
  return cause == 0 ? Status() : Status(unusable(file, "cannot be written: " + std::generic_category().message(cause)));
}

}  // namespace jwtd::cli
