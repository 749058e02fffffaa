// cli/callbacks.cc - asks the admin listener, page by page.
#include "cli/callbacks.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/cli.h"

namespace jwtd::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& one, const char* name) {
  if (!one.contains(name)) return "-";
  return one[name].is_string() ? one[name].get<std::string>() : one[name].dump();
}

}  // namespace

int callbacks_list(const CallbacksRequest& request, std::ostream& out, std::ostream& err) {
  AdminClient client(request.place, err);
  if (const int opened = client.open(); opened != kExitOk) return opened;
  std::string cursor;
  do {
    const auto page = client.ask("GET", std::string(request.dead ? "/v1/callbacks/dead" : "/v1/callbacks/outbox") + "?limit=100" + (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!page || !page->contains("callbacks")) return kExitFailed;
    for (const Json& one : (*page)["callbacks"]) {
      if (request.json) out << one.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
      else out << text_of(one, "id") << "  " << text_of(one, "xid") << "  attempts " << text_of(one, "attempts") << "  next " << text_of(one, "next_at") << '\n';
    }
    cursor = page->contains("next") && (*page)["next"].is_string() ? (*page)["next"].get<std::string>() : "";
  } while (!cursor.empty());
  return kExitOk;
}

int callbacks_replay(const CallbacksRequest& request, std::ostream& out, std::ostream& err) {
  AdminClient client(request.place, err);
  if (const int opened = client.open(); opened != kExitOk) return opened;
  const Json body = request.id.empty() ? Json::object() : Json{{"id", request.id}};
  std::uint64_t replayed = 0;
  for (bool more = true; more;) {
    const auto answer = client.ask("POST", "/v1/callbacks/replay", body.dump());
    if (!answer) return kExitFailed;
    replayed += answer->value("replayed", std::uint64_t{0});
    more = answer->value("more", false);
  }
  if (request.json) out << Json{{"replayed", replayed}}.dump() << '\n';
  else out << "replayed " << replayed << '\n';
  return kExitOk;
}

}  // namespace jwtd::cli
