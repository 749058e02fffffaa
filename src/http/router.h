// http/router.h - which endpoint answers which method and path.
//
// A template is literal segments and {names}; a name matches exactly one non-empty raw segment. OPTIONS is answered here (204 with Allow), HEAD goes
// to the GET endpoint (the connection leaves the body out), an unknown method is 405 with Allow, an unknown path 404.
//
// Thread-safety: filled before the server starts, then only read. Each loop has a router of its own, so endpoints may hold that loop's state.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "http/message.h"

namespace jwtd::http {

// Fills the response. The request's views live until the task has finished.
using Endpoint = std::function<Task<void>(const Request&, Response&)>;

class Router {
 public:
  void add(Method method, std::string_view path_template, Endpoint endpoint);

  // Sets request.route and request.params. nullptr: `response` has the answer already.
  const Endpoint* route(Request& request, Response& response) const;

 private:
  static constexpr std::size_t kMethods = 8;
  struct Route {
    std::string path_template;
    std::vector<std::string> segments;  // "" stands for a name
    std::array<Endpoint, kMethods> endpoints;
    std::string allow;
  };
  std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace jwtd::http
