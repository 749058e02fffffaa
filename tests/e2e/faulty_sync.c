/* tests/e2e/faulty_sync.c - a disk that fails or stalls on demand: loaded with LD_PRELOAD, it looks at the file named by SHIM_FAULT before
   each fsync and fdatasync. The file says "fail" (EIO), "slow MILLISECONDS", or is not there: then all is well. Failures are counted, but for
   those of log.space, which holds nothing yet. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "open_file.h"

static int is_log_space(int fd) {
  char name[PATH_MAX];
  return name_of_open_file(fd, name) && strstr(name, "/log.space") != NULL;
}

static int faulty(int fd) {
  const char* path = getenv("SHIM_FAULT");
  char word[64] = {0};
  const int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  if (read(file, word, sizeof word - 1) < 0) word[0] = 0;
  close(file);
  if (strncmp(word, "fail", 4) == 0) {
    const int counted = is_log_space(fd) ? -1 : open(getenv("SHIM_FAULT_COUNT"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (counted >= 0) {
      if (write(counted, ".", 1) < 0) abort();
      close(counted);
    }
    errno = EIO;
    return 1;
  }
  if (strncmp(word, "slow ", 5) == 0) {
    const long milliseconds = atol(word + 5);
    const struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
  }
  return 0;
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return faulty(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return faulty(fd) ? -1 : real(fd);
}
