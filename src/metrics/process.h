// metrics/process.h - what the kernel counts about this process, under the names that Prometheus' own clients use.
//
// Each function returns NaN where /proc does not tell. Thread-safety: any thread. Cost: one or two system calls; open fds one more for each
// few hundred descriptors on kernels before 6.2.
#pragma once

namespace jwtd::metrics {

double process_cpu_seconds();
double process_resident_bytes();
double process_open_fds();
double process_max_fds();
double process_start_seconds();  // since 1970

}  // namespace jwtd::metrics
