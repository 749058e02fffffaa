// tests/fakes/call_route.h - asks a router as the server would, without a connection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/router.h"
#include "tests/fakes/run_task.h"

namespace jwtd::fakes {

class CallRoute {
 public:
  http::Router router;
  FakeLoop loop;
  std::string content_type = "application/json";  // of bodies

  // `target` is path and query, raw. The answer stays until the next call.
  const http::Response& get(std::string_view target, std::string_view authorization = {}) {
    return call(http::Method::kGet, target, authorization, {});
  }

  const http::Response& call(http::Method method, std::string_view target, std::string_view authorization, std::string_view body) {
    prepare(method, target, authorization, body);
    if (const http::Endpoint* endpoint = router.route(request, response)) run_task(loop, (*endpoint)(request, response));
    return response;
  }

  http::Request request;
  http::Response response;

 private:
  void prepare(http::Method method, std::string_view target, std::string_view authorization, std::string_view body) {
    target_ = target;
    authorization_ = authorization;
    body_ = body;
    fields_.clear();
    if (!authorization_.empty()) fields_.push_back({"Authorization", authorization_});
    if (!body_.empty()) fields_.push_back({"Content-Type", content_type});
    const std::string_view whole = target_;
    const auto mark = whole.find('?');
    request = {};
    request.method = method;
    request.path = whole.substr(0, mark);
    request.query = mark == std::string_view::npos ? std::string_view{} : whole.substr(mark + 1);
    request.fields = fields_;
    request.body = body_;
    request.request_id = "req-1";
    response.reset();
  }

  std::string target_, authorization_, body_;  // what the request's views point into
  std::vector<http::Field> fields_;
};

}  // namespace jwtd::fakes
