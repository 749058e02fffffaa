// metrics/process.cc - reads /proc/self and getrusage.
#include "metrics/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace jwtd::metrics {
namespace {

constexpr double kUnknown = NAN;

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Seconds since 1970 when the machine started, out of /proc/stat.
double boot_seconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  return kUnknown;
}

double read_start_seconds() {
  const std::string stat = first_line("/proc/self/stat");
  const auto name_end = stat.rfind(')');  // the second field may hold blanks; the rest are numbers
  if (name_end == std::string::npos) return kUnknown;
  std::istringstream rest(stat.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) rest >> field;  // proc(5): the 22nd is starttime, in clock ticks since boot
  if (!rest) return kUnknown;
  return boot_seconds() + std::strtod(field.c_str(), nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

double process_cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return kUnknown;
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double process_resident_bytes() {
  std::istringstream statm(first_line("/proc/self/statm"));
  double total = 0, resident = 0;
  if (!(statm >> total >> resident)) return kUnknown;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double process_open_fds() {
  struct stat folder{};
  if (stat("/proc/self/fd", &folder) != 0) return kUnknown;
  if (folder.st_size > 0) return static_cast<double>(folder.st_size);  // Linux 6.2 and later count for us
  DIR* const listing = opendir("/proc/self/fd");
  if (!listing) return kUnknown;
  double count = 0;
  while (const dirent* entry = readdir(listing))
    if (entry->d_name[0] != '.') ++count;
  closedir(listing);
  return count - 1;  // the listing's own
}

double process_max_fds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnknown;
  return static_cast<double>(limit.rlim_cur);
}

double process_start_seconds() {
  static const double start = read_start_seconds();
  return start;
}

}  // namespace jwtd::metrics
