// cli/progress.h - how far a long job is: a bar that is drawn over on a terminal, a line now and then elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "cli/cli.h"

namespace jwtd::cli {

class Progress {
 public:
  // `doing`: "copied". `total` is an estimate; 0: unknown.
  Progress(const Streams& streams, std::string doing, std::uint64_t total);
  ~Progress();  // ends the bar's line

  void show(std::uint64_t done);

 private:
  const Streams& streams_;
  const std::string doing_;
  const std::uint64_t total_;
  std::uint64_t first_ = 0;  // where this run began
  bool any_ = false, drawn_ = false;
  const Monotonic::time_point began_;
  Monotonic::time_point last_;
};

}  // namespace jwtd::cli
