// api/answer.cc - the fields that every answer of JSON has, and the one line that a refusal leaves in the log.
#include "api/answer.h"

#include <nlohmann/json.hpp>

#include "http/problem.h"

namespace jwtd::api {

void answer(http::Response& response, const nlohmann::ordered_json& json) {
  // A database that others write to may hold octets that are not UTF-8; a replaced character is better than no answer.
  answer_text(response, json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void answer_text(http::Response& response, std::string_view json) {
  response.content_type = "application/json";
  response.add_field("Cache-Control", "no-store");
  response.body.assign(json);
}

void refuse_and_log(Log* log, LogLevel level, std::string_view event, const Error& error, const http::Request& request, http::Response& response) {
  if (log && !error.detail().empty()) log->write(level, event, {{"code", error.code().id}, {"detail", error.detail()}, {"request_id", request.request_id}});
  http::render_problem(response, error.code(), request.request_id);
}

}  // namespace jwtd::api
