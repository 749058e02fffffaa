// cli/callbacks.h - `jwtd callbacks list|replay`: the queue of a running jwtd, over its admin listener.
#pragma once

#include <iosfwd>
#include <string>

#include "cli/admin_client.h"

namespace jwtd::cli {

struct CallbacksRequest {
  AdminPlace place;  // the caller needs the scope callbacks
  bool dead = false;                            // list: those that were given up, not those that wait
  std::string id;                               // replay: only this one; empty: all
  bool json = false;
};

// kExitUsage for a wrong URL, kExitFailed when the server refuses or cannot be reached.
int callbacks_list(const CallbacksRequest& request, std::ostream& out, std::ostream& err);
int callbacks_replay(const CallbacksRequest& request, std::ostream& out, std::ostream& err);

}  // namespace jwtd::cli
