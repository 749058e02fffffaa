// base/pauses.h - the waits between attempts to reach a server that is away.
//
// Each is twice the one before, up to the longest, and drawn between its half and its whole, so that nodes which lost the same server at the
// same moment do not all come back at the same one. Thread-safety: none.
#pragma once

#include <algorithm>
#include <random>

#include "base/time.h"

namespace jwtd {

class Pauses {
 public:
  Pauses(Monotonic::duration first, Monotonic::duration longest) : first_(first), longest_(longest), whole_(first) {}

  template <class Random>
  Monotonic::duration next(Random& random) {
    const auto drawn = std::uniform_int_distribution<Monotonic::rep>(whole_.count() / 2, whole_.count())(random);
    whole_ = std::min(2 * whole_, longest_);
    return Monotonic::duration(drawn);
  }
  void reset() { whole_ = first_; }

 private:
  Monotonic::duration first_, longest_;
  Monotonic::duration whole_;
};

}  // namespace jwtd
