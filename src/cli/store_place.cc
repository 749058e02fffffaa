// cli/store_place.cc - URLs, configurations and their passwords.
#include "cli/store_place.h"

#include <ostream>

#include "base/url.h"
#include "config/load.h"

namespace jwtd::cli {

bool is_store_url(const std::string& where) { return where == "memory:" || where.find("://") != std::string::npos; }

int fail_with(const Error& error, std::ostream& err) {
  err << "jwtd: " << error.message() << '\n';
  return error.fault() == Fault::kInvalidArgument ? kExitUsage : kExitFailed;
}

std::string masked(const std::string& where) {
  const auto phone = Phone::parse(where);
  return phone ? phone->redacted() : where;
}

std::optional<store::StoreOptions> options_of(const StorePlace& place, const char* flag, std::chrono::seconds of_a_url, const Stores& stores, std::ostream& err) {
  config::Store settings;
  if (place.where.empty()) {
    err << "jwtd: " << flag << " is required: a store's URL, or a configuration\n";
    return std::nullopt;
  }
  if (is_store_url(place.where)) {
    if (has_password(place.where)) {
      err << "jwtd: " << flag << " holds a password, which every user of this machine can read in the list of processes; put it into a file of mode 0600\n"
          << "and name that in the option for a password file, or name a configuration in place of the URL\n";
      return std::nullopt;
    }
    settings.url = place.where;
    settings.retention = of_a_url;
  } else {
    const config::Loaded loaded = config::load_file(place.where, config::process_environment(), {});
    for (const auto& problem : loaded.problems) err << problem.text() << '\n';
    if (!loaded.problems.empty()) return std::nullopt;
    settings = loaded.config.store;
  }
  if (!place.password_file.empty()) settings.password_file = place.password_file;
  auto options = stores.options(settings);
  if (options) return *std::move(options);
  err << "jwtd: " << options.error().message() << '\n';
  return std::nullopt;
}

}  // namespace jwtd::cli
