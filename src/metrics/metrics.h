// metrics/metrics.h - every number that jwtd shows, and its Prometheus text. docs/METRICS.md lists them.
//
// Numbers come from two places: the loops' own blocks (loop_metrics.h), and functions that read what others count anyway.
// A number is labelled with fixed words only; never a phone number, a transaction id or an address.
//
// Thread-safety: add_loop(), counter() and gauge() before the server starts; render() from any thread, also at the same time. The functions
// given must allow the same. Ownership: what the functions refer to outlives this.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/loop_metrics.h"

namespace jwtd::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;
using Read = std::function<double()>;  // cheap, does not block; NaN leaves the sample out this time

class Metrics {
 public:
  explicit Metrics(std::string version);
  ~Metrics();

  // A block for one more loop; stays where it is.
  LoopMetrics& add_loop();

  // A sample that `read` gives at each rendering. `help` is one line. The same name with other labels joins the family; the same
  // name and labels must not come twice. Counters never fall.
  void counter(std::string_view name, std::string_view help, Labels labels, Read read);
  void gauge(std::string_view name, std::string_view help, Labels labels, Read read);

  // Prometheus text format, version 0.0.4.
  std::string render() const;

 private:
  struct Sample {
    std::string name, help;
    bool is_counter;
    Labels labels;
    Read read;
  };
  void add_process_samples();

  std::vector<std::unique_ptr<LoopMetrics>> loops_;
  std::vector<Sample> samples_;
};

}  // namespace jwtd::metrics
