// api/ping.cc - the moment of the request, and the sample's way to say that nothing is wrong.
#include "api/ping.h"

#include <string>

#include "api/routes.h"
#include "base/time.h"

namespace jwtd::api {
namespace {

// "2026-11-23T22:47:05.123456": what Python's isoformat() gives, here always in UTC and always with six digits.
std::string with_micros(std::int64_t micros) {
  std::string text = format_rfc3339(micros / 1000, true);
  text.pop_back();  // the Z, which the sample does not have
  const std::string digits = std::to_string(1000 + micros % 1000);
  return text.append(digits, 1);
}

Task<void> ping(std::int64_t micros, http::Response& response) {
  response.content_type = "application/json";
  response.fields.append("Allow: GET\r\nCache-Control: no-store\r\n");
  response.body.assign(R"({"pinged_on":")").append(with_micros(micros)).append(R"(","errors":[{"id":0,"description":""}]})");
  co_return;
}

}  // namespace

void add_ping_route(http::Router& router, std::int64_t (*now)()) {
  add_route(router, http::Method::kGet, "/ping", [now](const http::Request&, http::Response& response) { return ping(now(), response); });
}

}  // namespace jwtd::api
