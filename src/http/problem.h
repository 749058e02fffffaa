// http/problem.h - RFC 9457: the one table from faults to statuses, and the one place that renders an error.
//
// A problem has type, title, status, code and request_id: fixed texts. Error::detail never gets here.
#pragma once

#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace jwtd::http {

// HTTP's own refusals, with statuses that no Fault has.
struct HttpCode {
  Code code;
  int status;
};
inline constexpr HttpCode kBadRequest{{"bad_request", Fault::kInvalidArgument, "The request is not well-formed HTTP."}, 400};
inline constexpr HttpCode kRouteUnknown{{"not_found", Fault::kNotFound, "There is nothing at this path."}, 404};
inline constexpr HttpCode kMethodNotAllowed{{"method_not_allowed", Fault::kInvalidArgument, "This path does not have this method; see Allow."}, 405};
inline constexpr HttpCode kRequestTimeout{{"request_timeout", Fault::kInvalidArgument, "The request did not arrive in time."}, 408};
inline constexpr HttpCode kBodyTooLarge{{"body_too_large", Fault::kInvalidArgument, "The body is larger than this service reads."}, 413};
inline constexpr HttpCode kTargetTooLong{{"uri_too_long", Fault::kInvalidArgument, "The request target is longer than this service reads."}, 414};
inline constexpr HttpCode kMediaTypeUnsupported{{"media_type_unsupported", Fault::kInvalidArgument, "The body must be application/json."}, 415};
inline constexpr HttpCode kExpectationFailed{{"expectation_failed", Fault::kInvalidArgument, "The only expectation known here is 100-continue."}, 417};
inline constexpr HttpCode kHeadTooLarge{{"head_too_large", Fault::kInvalidArgument, "The request head is larger than this service reads."}, 431};
inline constexpr HttpCode kNotImplemented{{"not_implemented", Fault::kInvalidArgument, "This transfer coding is not implemented."}, 501};
inline constexpr HttpCode kVersionUnsupported{{"http_version", Fault::kInvalidArgument, "This service speaks HTTP/1.0 and HTTP/1.1."}, 505};

int status_of(Fault fault);
std::string_view reason_phrase(int status);  // RFC 9110 s15; "" if unknown

// Sets status, application/problem+json, body and error_id; 503 and 429 without one get Retry-After: 1; 401 gets WWW-Authenticate: Bearer.
void render_problem(Response& response, const Code& code, std::string_view request_id);
void render_problem(Response& response, const HttpCode& code, std::string_view request_id);

}  // namespace jwtd::http
