// config/urls.h - from a node to the URL of a store or of somebody whom this service calls.
//
// No complaint repeats a whole URL: those of databases carry passwords. What is good is written to `to`.
#pragma once

#include <string>

#include "config/settings.h"

namespace jwtd::config {

void take_store_url(const Node& node, std::string& to, const Complain& complain);
void take_limit_store(const Node& node, std::string& to, const Complain& complain);

// Of a peer that is called: https, http only for loopback. Without a path, a slash at the end is dropped.
void take_peer(const Node& node, bool with_path, std::string& to, const Complain& complain);
void take_status_path(const Node& node, std::string& to, const Complain& complain);

}  // namespace jwtd::config
