// http/router.cc - matching by segments; a handful of routes needs no tree.
#include "http/router.h"

#include "http/problem.h"

namespace jwtd::http {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 7> kNames{{{Method::kGet, "GET"},
                                                                     {Method::kHead, "HEAD"},
                                                                     {Method::kPost, "POST"},
                                                                     {Method::kPut, "PUT"},
                                                                     {Method::kDelete, "DELETE"},
                                                                     {Method::kPatch, "PATCH"},
                                                                     {Method::kOptions, "OPTIONS"}}};

std::size_t index_of(Method method) { return static_cast<std::size_t>(method); }

// The next segment of a path that begins with '/', which is removed from it.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const auto end = path.find('/');
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end == std::string_view::npos ? path.size() : end);
  return segment;
}

}  // namespace

void Router::add(Method method, std::string_view path_template, Endpoint endpoint) {
  Route* route = nullptr;
  for (auto& known : routes_)
    if (known->path_template == path_template) route = known.get();
  if (!route) {
    route = routes_.emplace_back(std::make_unique<Route>()).get();
    route->path_template = path_template;
    for (std::string_view rest = path_template; !rest.empty();) {
      const std::string_view segment = take_segment(rest);
      route->segments.emplace_back(segment.starts_with('{') ? std::string_view{} : segment);
    }
  }
  route->endpoints[index_of(method)] = std::move(endpoint);
  if (method == Method::kGet) route->endpoints[index_of(Method::kHead)] = route->endpoints[index_of(method)];
  route->allow.clear();
  for (const auto& [known, name] : kNames)
    if (route->endpoints[index_of(known)] || known == Method::kOptions) route->allow.append(route->allow.empty() ? "" : ", ").append(name);
}

const Endpoint* Router::route(Request& request, Response& response) const {
  for (const auto& route : routes_) {
    std::string_view rest = request.path;
    std::size_t names = 0;
    bool matches = true;
    for (const std::string& wanted : route->segments) {
      if (rest.empty()) { matches = false; break; }
      const std::string_view segment = take_segment(rest);
      if (wanted.empty()) {
        if (segment.empty() || names == request.params.size()) { matches = false; break; }
        request.params[names++] = segment;
      } else if (segment != wanted) {
        matches = false;
        break;
      }
    }
    if (!matches || !rest.empty()) continue;

    request.route = route->path_template;
    if (const Endpoint& endpoint = route->endpoints[index_of(request.method)]) return &endpoint;
    if (request.method == Method::kOptions) {
      response.status = 204;
    } else {
      render_problem(response, kMethodNotAllowed, request.request_id);
    }
    response.add_field("Allow", route->allow);
    return nullptr;
  }
  if (request.path == "*") {  // RFC 9110 s9.3.7: OPTIONS for the server as a whole
    response.status = 204;
    response.add_field("Allow", "GET, HEAD, POST, OPTIONS");
    return nullptr;
  }
  render_problem(response, kRouteUnknown, request.request_id);
  return nullptr;
}

}  // namespace jwtd::http
