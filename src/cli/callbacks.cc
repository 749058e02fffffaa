// cli/callbacks.cc - asks the admin listener, page by page.
#include "cli/callbacks.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/secret.h"
#include "base/url.h"
#include "cli/cli.h"
#include "config/values.h"
#include "outgoing/http_client.h"

namespace jwtd::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxAnswer = 8 * 1024 * 1024;  // a page of 100 with bodies

class AdminClient {
 public:
  AdminClient(const CallbacksRequest& request, std::ostream& err) : request_(request), err_(err), client_({request.ca_file}) {}

  int open() {
    const auto url = parse_http_url(request_.admin);
    if (!url || url->target != "/" || (!url->tls && !config::is_loopback({url->host, url->port}))) {
      err_ << "jwtd: --admin must be https://host:port, or http:// of loopback: a caller key travels there\n";
      return kExitUsage;
    }
    auto key = read_secret_file(request_.key_file);
    if (!key) {
      err_ << "jwtd: " << key.error().message() << '\n';
      return kExitFailed;
    }
    key_ = *std::move(key);
    return kExitOk;
  }

  // nullopt: it failed, and that was said.
  std::optional<Json> ask(const std::string& method, const std::string& target, const std::string& body = {}) {
    std::string origin = request_.admin;
    if (origin.ends_with('/')) origin.pop_back();
    outgoing::Request request{.url = origin + target, .method = method, .body = body, .timeout = std::chrono::seconds(30), .max_answer = kMaxAnswer};
    request.fields = {"Authorization: Bearer " + std::string(key_.expose())};
    if (method == "POST") request.fields.push_back("Content-Type: application/json");
    const auto answer = client_.send(request);
    if (!answer) {
      err_ << "jwtd: " << answer.error().message() << '\n';
      return std::nullopt;
    }
    Json json = Json::parse(answer->body, nullptr, false);
    if (answer->status == 200 && json.is_object()) return json;
    const bool problem = json.is_object() && json.contains("title") && json["title"].is_string();
    err_ << "jwtd: " << (problem ? json["title"].get<std::string>() : "the server answered with status " + std::to_string(answer->status)) << '\n';
    return std::nullopt;
  }

 private:
  const CallbacksRequest& request_;
  std::ostream& err_;
  outgoing::HttpClient client_;
  Secret key_;
};

std::string text_of(const Json& one, const char* name) {
  if (!one.contains(name)) return "-";
  return one[name].is_string() ? one[name].get<std::string>() : one[name].dump();
}

}  // namespace

int callbacks_list(const CallbacksRequest& request, std::ostream& out, std::ostream& err) {
  AdminClient client(request, err);
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
  AdminClient client(request, err);
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
