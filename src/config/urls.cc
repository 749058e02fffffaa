// config/urls.cc - each kind of URL, with what it must not have.
#include "config/urls.h"

#include <algorithm>
#include <cctype>

#include "base/url.h"
#include "config/values.h"
#include "limit/store_url.h"

namespace jwtd::config {
namespace {

constexpr std::size_t kMaxPathBytes = 1024;  // longer than any provider's

}  // namespace

void take_store_url(const Node& node, std::string& to, const Complain& complain) {
  const std::string& url = node.text;
  const std::string scheme = url.substr(0, url.find(':'));
  if (url == "memory:") {
    to = url;
    return;
  }
  if (scheme == "mongodb" || scheme == "mongodb+srv" || scheme == "postgresql" || scheme == "postgres") {
    if (!url.starts_with(scheme + "://") || url.find('\0') != std::string::npos) return complain(node, "must be " + scheme + "://host/database");
    to = url;
    return;
  }
  constexpr std::string_view kRocksdb = "rocksdb://";
  if (scheme != "rocksdb" || !url.starts_with(kRocksdb)) {
    return complain(node, "must be rocksdb:///absolute/path, mongodb://host/jwt_db, postgresql://host/database or memory:");
  }
  const std::string path = url.substr(kRocksdb.size());
  if (!path.starts_with('/') || path.find_first_not_of('/') == std::string::npos || path.find('\0') != std::string::npos) {
    return complain(node, "must have an absolute path behind rocksdb://, as in \"rocksdb:///var/lib/jwtd\"");
  }
  if (path.find_first_of("?#%") != std::string::npos) {
    return complain(node, "must have a plain path behind rocksdb://, without ? # or %: it has no options and no escapes");
  }
  to = url;
}

void take_peer(const Node& node, bool with_path, std::string& to, const Complain& complain) {
  const auto url = parse_http_url(node.text);
  if (!url) return complain(node, std::string("must be https://host") + (with_path ? "/path" : "") + ", without a user, a fragment or spaces");
  if (!url->tls && !is_loopback({url->host, url->port})) {
    return complain(node, "must be https: http, where everybody on the way reads along, is only for loopback");
  }
  if (!with_path && (url->target != "/" || node.text.ends_with('?'))) return complain(node, "must end behind the host and port: paths have settings of their own");
  to = node.text;
  if (!with_path && to.ends_with('/')) to.pop_back();
}

void take_status_path(const Node& node, std::string& to, const Complain& complain) {
  constexpr std::string_view kPlace = "{xid}";
  const std::string& path = node.text;
  const auto place = path.find(kPlace);
  std::string rest = path;
  if (place != std::string::npos) rest.erase(place, kPlace.size());
  const bool allowed = std::all_of(rest.begin(), rest.end(), [](unsigned char c) { return std::isalnum(c) || std::string_view("/-._~").find(static_cast<char>(c)) != std::string_view::npos; });
  if (place == std::string::npos || !path.starts_with('/') || path.starts_with("//") || !allowed || path.size() > kMaxPathBytes) {
    return complain(node, "must be a path that begins with / and holds {xid} once, otherwise A-Z a-z 0-9 / - . _ ~ only: it is signed as it stands");
  }
  to = path;
}

void take_limit_store(const Node& node, std::string& to, const Complain& complain) {
  if (!node.text.empty()) {
    if (const auto url = limit::parse_store_url(node.text); !url) {
      return complain(node, "must be redis://[[user]:password@]host[:port][/database], or rediss:// for TLS: " + url.error().detail());
    }
  }
  to = node.text;
}

}  // namespace jwtd::config
