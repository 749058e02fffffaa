// config/take.cc - what each form of a value must be.
#include "config/take.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/may_be_secret.h"

namespace jwtd::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxPathBytes = 4096;  // PATH_MAX

bool is_credential_name(std::string_view name) {
  const bool allowed = std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; });
  return allowed && !name.empty() && name != "." && name != "..";
}

}  // namespace

void take_duration(const Node& node, seconds least, seconds most, seconds& to, const Complain& complain) {
  const auto value = parse_duration(node.text);
  if (!value) return complain(node, value.error().detail());
  if (value->count() % 1000 != 0) return complain(node, "must be whole seconds; " + in_quotes(node.text) + " is not");
  const auto whole = std::chrono::duration_cast<seconds>(*value);
  if (whole < least || whole > most) {
    return complain(node, "must be from " + duration_text(least) + " to " + duration_text(most) + "; " + in_quotes(node.text) + " is not");
  }
  to = whole;
}

void take_milliseconds(const Node& node, milliseconds least, milliseconds most, milliseconds& to, const Complain& complain) {
  const auto value = parse_duration(node.text);
  if (!value) return complain(node, value.error().detail());
  if (*value < least || *value > most) {
    return complain(node, "must be from " + duration_text(least) + " to " + duration_text(most) + "; " + in_quotes(node.text) + " is not");
  }
  to = *value;
}

void take_endpoint(const Node& node, Endpoint& to, const Complain& complain) {
  auto value = parse_endpoint(node.text);
  if (!value) return complain(node, value.error().detail());
  to = std::move(*value);
}

void take_path(const Node& node, std::string& to, const Surroundings& surroundings, const Complain& complain) {
  constexpr std::string_view kCredential = "credential:";
  const std::string& text = node.text;
  if (text.size() > kMaxPathBytes) return complain(node, "must be a path of at most " + std::to_string(kMaxPathBytes) + " octets");
  if (text.find('\0') != std::string::npos) return complain(node, "must be a path, which never holds a NUL");
  if (may_be_key(text)) {
    return complain(node, "must be the path of a file, and looks like a key itself: put that in a file of mode 0600 and its path here");
  }
  if (!text.starts_with(kCredential)) {
    to = text;
    return;
  }
  const std::string name = text.substr(kCredential.size());
  if (!is_credential_name(name)) return complain(node, "must have a name out of A-Z a-z 0-9 - _ . behind \"credential:\"");
  if (surroundings.credentials_directory.empty()) {
    return complain(node, "is a systemd credential, and there is no $CREDENTIALS_DIRECTORY: the unit needs LoadCredential=" + name + ":/path/of/the/file");
  }
  to = surroundings.credentials_directory + "/" + name;
}

void take_customer_id(const Node& node, std::string& to, const Complain& complain) {
  const std::string& id = node.text;
  const bool allowed = std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':';
  });
  if (!allowed || id.empty() || id.size() > kMaxIssuerBytes) {
    return complain(node, "must be 1 to " + std::to_string(kMaxIssuerBytes) + " characters out of A-Z a-z 0-9 - _ . : as in TeleSign's customer ids");
  }
  to = id;
}

void take_networks(const Node& node, std::vector<Network>& to, const Complain& complain) {
  std::vector<Network> networks;
  bool good = true;
  for (const Node& item : node.items) {
    auto network = parse_network(item.text);
    if (network) networks.push_back(*network);
    else complain(item, network.error().detail());
    good = good && network.has_value();
  }
  if (good) to = std::move(networks);
}

std::string show_networks(const std::vector<Network>& networks) {
  std::string out = "[";
  for (const Network& network : networks) out += (out.size() == 1 ? "" : ", ") + in_quotes(network_text(network));
  return out + "]";
}

void take_header(const Node& node, std::string& to, const Complain& complain) {
  std::string lower = node.text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower != "x-forwarded-for" && lower != "forwarded") {
    return complain(node, "must be \"x-forwarded-for\" or \"forwarded\"; " + in_quotes(node.text) + " is neither");
  }
  to = lower;
}

}  // namespace jwtd::config
