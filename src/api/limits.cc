// api/limits.cc - renders RateLimit fields without a formatting library: this is on the serving path.
#include "api/limits.h"

#include <string>

namespace jwtd::api {
namespace {

std::string seconds_up(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
}

}  // namespace

void add_limit_fields(http::Response& response, const limit::Decision& decision) {
  if (!decision.rule) return;
  if (decision.unavailable) return response.add_field("Retry-After", seconds_up(decision.retry_after));
  std::string& out = response.fields;
  out.append("RateLimit-Policy: \"").append(decision.rule->name).append("\";q=").append(std::to_string(decision.rate->burst));
  out.append(";w=").append(seconds_up(decision.rate->window())).append("\r\n");
  out.append("RateLimit: \"").append(decision.rule->name).append("\";r=").append(std::to_string(decision.remaining));
  out.append(";t=").append(seconds_up(decision.reset_after)).append("\r\n");
  if (!decision.allowed) response.add_field("Retry-After", seconds_up(decision.retry_after));
}

}  // namespace jwtd::api
