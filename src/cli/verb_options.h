// cli/verb_options.h - what several groups of verbs have: how a verb is added, and the option for JSON; private to cli/.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "cli/store.h"

namespace jwtd::cli {

using Verb = std::function<int()>;  // returns the exit code

// Adds a verb to a parent, with its help, examples and exit codes.
using AddVerb = std::function<CLI::App*(CLI::App& parent, const char* name, const char* help, const char* examples, Verb verb)>;

inline void add_output(CLI::App& app, bool& json) {
  app.add_option_function<std::string>("-o,--output", [&json](const std::string& format) { json = format == "json"; }, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
}

// What a verb works on, out of a script's variable that may be unset: without this "" would be as if it were not given, and that may mean all there is.
inline CLI::Option* not_empty(CLI::Option* option) {
  return option->check([](const std::string& value) { return value.empty() ? std::string("it is empty") : std::string(); });
}

struct StoreOptionsGiven {
  CLI::Option* config;
  CLI::Option* store;
};

inline StoreOptionsGiven add_store(CLI::App& app, StorePlace& place) {
  CLI::Option* config = app.add_option("--config", place.where, "Configuration, for its [store]")->type_name("FILE");
  CLI::Option* store = app.add_option("--store", place.where, "The store's URL, without a password")->type_name("URL")->excludes(config);
  app.add_option("--password-file", place.password_file, "Its first line takes the place of the password in the URL")->type_name("FILE");
  return {config, store};
}

}  // namespace jwtd::cli
