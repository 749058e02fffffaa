// cli/run_for_tests.h - the command line as a function: arguments in, exit code, output and the served configuration back; only for tests.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/stores.h"

namespace jwtd::cli {

struct Outcome {
  int code = -1;
  std::string out, err;
  std::optional<ServeRequest> served;
};

// The served stand-in is "ready" at once on these two.
inline Outcome run_jwtd(std::vector<std::string> arguments, const std::string& input = "", int served_code = kExitOk, const Stores& stores = {}) {
  // The test run's own, which would be names of no setting.
  for (const char* name : {"JWTD_VECTORS", "JWTD_REQUIRE_ALL", "JWTD_BINARY", "JWTD_SEED", "JWTD_FAULT_ROUNDS", "JWTD_EVERY_OCTET"}) ::unsetenv(name);
  Outcome outcome;
  std::istringstream in(input);
  std::ostringstream out, err;
  arguments.insert(arguments.begin(), "jwtd");
  outcome.code = run(arguments, {in, out, err}, [&](const ServeRequest& request) {
    outcome.served = request;
    if (request.on_ready) request.on_ready("127.0.0.1:8080", "127.0.0.1:8081");
    return served_code;
  }, stores);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "jwtd_cli_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string text() const { return path_.string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return *this / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace jwtd::cli
