/* tests/e2e/faulty_calls.c - a process that dies or is lied to by its kernel: loaded with LD_PRELOAD, it looks at every call that changes a file
   below SHIM_FAULT_FOLDER.

   SHIM_KILL_AT=N       the process is killed (SIGKILL) before the Nth such call; if that is a write, in its middle. 0: never.
   SHIM_CALLS=FILE      how many such calls there were so far: FILE grows by an octet for each.
   SHIM_FAULT=FILE      if it is there, its words say what goes wrong from now on:
                          random SEED PER_MILLE EVERYTHING|MILD   writes fail with EIO or ENOSPC (EVERYTHING only), are interrupted (EINTR), or
                                                                  are done by half; syncs and other calls are left alone
                          hang-reads                              reads from files below the folder wait until FILE is gone
                          hang-lists                              lists of the files in it wait until FILE is gone
   SHIM_FAULT_COUNT=FILE grows by an octet for each failure and each list that waits. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "open_file.h"

static const char *folder, *fault, *fault_count, *calls;
static long kill_at;
static atomic_long call_number;
static atomic_ulong chance_state;

#define REAL(name) ((__typeof__(&name))real(#name))
static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  folder = getenv("SHIM_FAULT_FOLDER");
  fault = getenv("SHIM_FAULT");
  fault_count = getenv("SHIM_FAULT_COUNT");
  calls = getenv("SHIM_CALLS");
  kill_at = getenv("SHIM_KILL_AT") ? atol(getenv("SHIM_KILL_AT")) : 0;
}

static int below(const char* path) { return folder && path && strncmp(path, folder, strlen(folder)) == 0; }

static int concerns(int fd) {
  char name[PATH_MAX];
  return name_of_open_file(fd, name) && below(name);
}

static void grow(const char* path) {
  const int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  if (fd < 0) return;
  if (syscall(SYS_write, fd, ".", 1) < 0) abort();
  syscall(SYS_close, fd);
}

/* True when this is the call before which the process dies. */
static int is_last(void) {
  const long number = atomic_fetch_add(&call_number, 1) + 1;
  grow(calls);
  return number == kill_at;
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

static void before_change(void) {
  if (is_last()) die();
}

static int read_fault(char* words, size_t size) {
  const int fd = fault ? (int)syscall(SYS_openat, AT_FDCWD, fault, O_RDONLY | O_CLOEXEC, 0) : -1;
  if (fd < 0) return 0;
  const ssize_t got = syscall(SYS_read, fd, words, size - 1);
  syscall(SYS_close, fd);
  words[got > 0 ? got : 0] = 0;
  return got > 0;
}

/* xorshift: the same seed gives the same faults, as far as threads allow. */
static unsigned long chance(unsigned long seed) {
  unsigned long x = atomic_load(&chance_state);
  if (x == 0) x = seed * 2654435761u + 1;
  x ^= x << 13, x ^= x >> 7, x ^= x << 17;
  atomic_store(&chance_state, x);
  return x >> 11;
}

/* A direct write is done by whole blocks. */
static size_t whole(int fd, size_t size) { return fcntl(fd, F_GETFL) & O_DIRECT ? size / 4096 * 4096 : size; }

/* How much of a write of `size` is done: `size`, less, or -1 with errno. */
static ssize_t share(int fd, size_t size) {
  char words[128], kind[32] = "";
  unsigned long seed = 0, per_mille = 0;
  if (!read_fault(words, sizeof words) || sscanf(words, "random %lu %lu %31s", &seed, &per_mille, kind) != 3) return (ssize_t)size;
  if (chance(seed) % 1000 >= per_mille) return (ssize_t)size;
  grow(fault_count);
  const unsigned long what = chance(seed) % (strcmp(kind, "EVERYTHING") == 0 ? 4 : 2);
  const size_t part = size > 1 ? whole(fd, 1 + chance(seed) % (size - 1)) : 0;
  if (what == 0 && part > 0) return (ssize_t)part;
  errno = what == 3 ? ENOSPC : what == 2 ? EIO : EINTR;
  return -1;
}

#define WRITE(call)                               \
  if (!concerns(fd)) return call(size);           \
  if (is_last()) {                                \
    call(whole(fd, size / 2));                    \
    die();                                        \
  }                                               \
  const ssize_t part = share(fd, size);           \
  return part < 0 ? -1 : call((size_t)part)

ssize_t write(int fd, const void* octets, size_t size) {
#define CALL(n) syscall(SYS_write, fd, octets, (size_t)(n))
  WRITE(CALL);
#undef CALL
}
ssize_t pwrite(int fd, const void* octets, size_t size, off_t at) {
#define CALL(n) syscall(SYS_pwrite64, fd, octets, (size_t)(n), at)
  WRITE(CALL);
#undef CALL
}
ssize_t pwrite64(int fd, const void* octets, size_t size, off64_t at) { return pwrite(fd, octets, size, at); }

static void await_read(int fd) {
  char words[128];
  while (fault && read_fault(words, sizeof words) && strncmp(words, "hang-reads", 10) == 0 && concerns(fd)) {
    const struct timespec pause = {0, 20000000};
    nanosleep(&pause, NULL);
  }
}
ssize_t pread(int fd, void* to, size_t size, off_t at) {
  await_read(fd);
  return syscall(SYS_pread64, fd, to, size, at);
}
ssize_t pread64(int fd, void* to, size_t size, off64_t at) { return pread(fd, to, size, at); }

DIR* opendir(const char* path) {
  char words[128];
  for (int waits = 0; below(path) && read_fault(words, sizeof words) && strncmp(words, "hang-lists", 10) == 0; ++waits) {
    if (waits == 0) grow(fault_count);
    const struct timespec pause = {0, 20000000};
    nanosleep(&pause, NULL);
  }
  return REAL(opendir)(path);
}

int fsync(int fd) {
  if (concerns(fd)) before_change();
  return (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
  if (concerns(fd)) before_change();
  return (int)syscall(SYS_fdatasync, fd);
}
int ftruncate(int fd, off_t size) {
  if (concerns(fd)) before_change();
  return (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }
int fallocate(int fd, int mode, off_t from, off_t size) {
  if (concerns(fd)) before_change();
  return (int)syscall(SYS_fallocate, fd, mode, from, size);
}
int fallocate64(int fd, int mode, off64_t from, off64_t size) { return fallocate(fd, mode, from, size); }
int rename(const char* from, const char* to) {
  if (below(to)) before_change();
  return REAL(rename)(from, to);
}
int link(const char* from, const char* to) {
  if (below(to)) before_change();
  return REAL(link)(from, to);
}
int unlink(const char* path) {
  if (below(path)) before_change();
  return REAL(unlink)(path);
}
int mkdir(const char* path, mode_t mode) {
  if (below(path)) before_change();
  return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* Only making a file changes anything. */
static int open_as(const char* path, int flags, mode_t mode) {
  if ((flags & O_CREAT) && below(path)) before_change();
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
#define MODE                                        \
  mode_t mode = 0;                                  \
  if (flags & O_CREAT) {                            \
    va_list rest;                                   \
    va_start(rest, flags);                          \
    mode = va_arg(rest, mode_t);                    \
    va_end(rest);                                   \
  }
int open(const char* path, int flags, ...) {
  MODE
  return open_as(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE
  return open_as(path, flags, mode);
}
