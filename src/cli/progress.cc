// cli/progress.cc - draws at most ten times a second, and writes a line every ten seconds.
#include "cli/progress.h"

#include <algorithm>
#include <ostream>

namespace jwtd::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kRedraw = 100ms;
constexpr auto kLine = 10s;
constexpr std::uint64_t kBar = 30;  // characters

}  // namespace

Progress::Progress(const Streams& streams, std::string doing, std::uint64_t total)
    : streams_(streams), doing_(std::move(doing)), total_(total), began_(Monotonic::now()), last_(began_) {}

Progress::~Progress() {
  if (drawn_) streams_.err << '\n' << std::flush;
}

void Progress::show(std::uint64_t done) {
  if (!any_) first_ = done;
  any_ = true;
  const auto now = Monotonic::now();
  if (now - last_ < (streams_.err_is_terminal ? Monotonic::duration(kRedraw) : Monotonic::duration(kLine))) return;
  last_ = now;
  const auto seconds = std::max(std::chrono::duration<double>(now - began_).count(), 0.001);
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(done - first_) / seconds);
  std::string line = doing_ + " " + std::to_string(done);
  if (total_ >= done && total_ > 0) line += " of about " + std::to_string(total_);
  line += ", " + std::to_string(rate) + " a second";
  if (total_ > done && rate > 0) line += ", " + std::to_string((total_ - done) / rate) + " s to go";
  if (!streams_.err_is_terminal) {
    streams_.err << line << '\n' << std::flush;
    return;
  }
  if (total_ > 0) {
    const auto filled = std::min(done * kBar / total_, kBar);
    line = "[" + std::string(filled, '#') + std::string(kBar - filled, '.') + "] " + line;
  }
  streams_.err << '\r' << line << "\033[K" << std::flush;
  drawn_ = true;
}

}  // namespace jwtd::cli
