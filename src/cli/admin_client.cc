// cli/admin_client.cc - one request, one object; problems are said by their title.
#include "cli/admin_client.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/url.h"
#include "cli/cli.h"
#include "config/values.h"

namespace jwtd::cli {
namespace {

constexpr std::size_t kMaxAnswer = 8 * 1024 * 1024;  // a page of 100 with bodies

}  // namespace

int AdminClient::open() {
  const auto url = parse_http_url(place_.url);
  if (!url || url->target != "/" || (!url->tls && !config::is_loopback({url->host, url->port}))) {
    err_ << "jwtd: --admin must be https://host:port, or http:// of loopback: a caller key travels there\n";
    return kExitUsage;
  }
  auto key = read_secret_file(place_.key_file);
  if (!key) {
    err_ << "jwtd: " << key.error().message() << '\n';
    return kExitFailed;
  }
  key_ = *std::move(key);
  return kExitOk;
}

std::optional<nlohmann::ordered_json> AdminClient::ask(const std::string& method, const std::string& target, const std::string& body) {
  std::string origin = place_.url;
  if (origin.ends_with('/')) origin.pop_back();
  outgoing::Request request{.url = origin + target, .method = method, .body = body, .timeout = std::chrono::seconds(30), .max_answer = kMaxAnswer};
  request.fields = {"Authorization: Bearer " + std::string(key_.expose())};
  if (method == "POST") request.fields.push_back("Content-Type: application/json");
  const auto answer = client_.send(request);
  if (!answer) {
    err_ << "jwtd: " << answer.error().message() << '\n';
    return std::nullopt;
  }
  auto json = nlohmann::ordered_json::parse(answer->body, nullptr, false);
  if (answer->status == 200 && json.is_object()) return json;
  const bool problem = json.is_object() && json.contains("title") && json["title"].is_string();
  err_ << "jwtd: " << (problem ? json["title"].get<std::string>() : "the server answered with status " + std::to_string(answer->status)) << '\n';
  return std::nullopt;
}

}  // namespace jwtd::cli
