// base/thread_name.h - what `top -H`, perf and a debugger call a thread: at most 15 characters, a longer one keeps the old name.
#pragma once

#include <pthread.h>

namespace jwtd {

inline void name_this_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

}  // namespace jwtd
