// api/answer.h - how an endpoint ends: with JSON, or with why not. Private to api/.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/log.h"
#include "base/result.h"
#include "http/message.h"

namespace jwtd::api {

// 200 unless a status is set, application/json, never kept by a cache.
void answer(http::Response& response, const nlohmann::ordered_json& json);
void answer_text(http::Response& response, std::string_view json);  // the same, written already

// The problem for `error`. Its detail, if it has one, goes to `log` under the name `event` and to nobody else; log nullptr: not even there.
void refuse_and_log(Log* log, LogLevel level, std::string_view event, const Error& error, const http::Request& request, http::Response& response);

}  // namespace jwtd::api
