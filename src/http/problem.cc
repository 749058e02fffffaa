// http/problem.cc - the error table, and RFC 9457 without a JSON library: its texts are constants, and a quote is all there is to escape.
#include "http/problem.h"

#include <array>
#include <charconv>
#include <string>

namespace jwtd::http {
namespace {

std::string escaped_title(std::string_view title) {
  std::string out;
  for (const char c : title) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

void render(Response& response, int status, const Code& code, std::string_view request_id) {
  response.status = status;
  response.content_type = "application/problem+json";
  response.error_id = code.id;
  std::array<char, 8> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), status).ptr;
  response.body.assign(R"({"type":"about:blank","title":")").append(escaped_title(code.title));
  response.body.append(R"(","status":)").append(digits.data(), end).append(R"(,"code":")").append(code.id);
  response.body.append(R"(","request_id":")").append(request_id).append("\"}");
  response.add_field("Cache-Control", "no-store");
  const bool retry = status == 429 || status == 503;
  if (retry && response.fields.find("Retry-After:") == std::string::npos) response.add_field("Retry-After", "1");
  if (status == 401) response.add_field("WWW-Authenticate", "Bearer");
}

}  // namespace

int status_of(Fault fault) {
  switch (fault) {
    case Fault::kInvalidArgument: return 400;
    case Fault::kUnauthenticated: return 401;
    case Fault::kPermissionDenied: return 403;
    case Fault::kNotFound: return 404;
    case Fault::kAlreadyExists: return 409;
    case Fault::kRateLimited: return 429;
    case Fault::kUnavailable: return 503;
    case Fault::kDeadlineExceeded: return 504;
    case Fault::kInternal: return 500;
  }
  return 500;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

void render_problem(Response& response, const Code& code, std::string_view request_id) {
  render(response, status_of(code.fault), code, request_id);
}

void render_problem(Response& response, const HttpCode& code, std::string_view request_id) {
  render(response, code.status, code.code, request_id);
}

}  // namespace jwtd::http
