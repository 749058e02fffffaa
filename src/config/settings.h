// config/settings.h - the one table of settings. TOML, environment, flags, --help, the test of conf/jwtd.full.toml: all are driven by it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "document/document.h"

namespace jwtd::config {

using document::Document;
using document::Node;
using document::parse_toml;

enum class Shape : std::uint8_t { kText, kInteger, kFlag, kTextList };

// Takes one sentence about the value at hand, beginning with what it must be; the caller knows the setting's name.
using Complain = std::function<void(const Node& at, std::string what)>;

struct Surroundings {
  std::string credentials_directory;  // $CREDENTIALS_DIRECTORY; empty: not started by systemd with credentials
};

struct Setting {
  const char* key;      // "listen.public"
  Shape shape;
  const char* example;  // as TOML, for the problem about a wrong type
  const char* flag;     // "--listen-public"; "": only by --set
  const char* help;     // what it is, in a line
  // `node` has the setting's shape. Writes to the configuration only when there is nothing to complain about.
  void (*apply)(Config& config, const Node& node, const Surroundings& surroundings, const Complain& complain);
  std::string (*show)(const Config& config);  // as TOML
};

const std::vector<Setting>& setting_table();  // in the order of jwtd.full.toml
const Setting* find_setting(std::string_view key);

// A setting's value out of environment or flag text, in the setting's shape: lists are separated by commas. False (and a complaint) when it cannot be.
bool node_from_text(const Setting& setting, std::string_view text, Node& out, const Complain& complain);

std::string environment_name(std::string_view key);  // "JWTD_LISTEN_PUBLIC"

}  // namespace jwtd::config
