// api/health.h - is the process alive (/livez), and should it get requests (/readyz)? For supervisors and balancers; no caller key.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/router.h"

namespace jwtd::api {

inline constexpr Code kDraining{"draining", Fault::kUnavailable, "The service is ending and takes no new work."};

struct Check {
  std::string name;             // stands in the answer: "store", "keys", "queue", "draining", "limits"
  std::function<Status()> run;  // cheap, does not block, any loop's thread; a failure's code id stands in the answer, its detail does not
  bool decides = true;          // false: its failure is shown, and /readyz is 200 all the same
};

// /livez: 200 as long as the loop answers at all. /readyz: 200 if every check that decides passes, else 503, and JSON that names each.
void add_health_routes(http::Router& router, std::vector<Check> checks);

}  // namespace jwtd::api
