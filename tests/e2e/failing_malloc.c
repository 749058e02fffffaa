/* tests/e2e/failing_malloc.c - memory that runs out: loaded with LD_PRELOAD, once the file named by SHIM_FAULT is there, every Nth allocation of the
   process fails (its first word is N, then the smallest size that may fail). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);

static atomic_long every = -1, smallest, number;

/* Looked at once in a while, without stdio, which would allocate. */
static void look(void) {
  const char* path = getenv("SHIM_FAULT");
  const int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
  char words[64] = {0};
  long values[2] = {0, 0};
  if (fd < 0) return;
  if (syscall(SYS_read, fd, words, sizeof words - 1) > 0) {
    char* at = words;
    for (int i = 0; i < 2; ++i, ++at) {
      while (*at >= '0' && *at <= '9') values[i] = values[i] * 10 + (*at++ - '0');
    }
    atomic_store(&smallest, values[1]);
    atomic_store(&every, values[0]);
  }
  syscall(SYS_close, fd);
}

static int fails(size_t size) {
  static atomic_long calls;
  if (atomic_load(&every) < 0) {
    if (atomic_fetch_add(&calls, 1) % 64 == 0) look();
    return 0;
  }
  if ((long)size < atomic_load(&smallest) || atomic_load(&every) == 0) return 0;
  if ((atomic_fetch_add(&number, 1) + 1) % atomic_load(&every) != 0) return 0;
  errno = ENOMEM;
  return 1;
}

void* malloc(size_t size) { return fails(size) ? NULL : __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return fails(count * size) ? NULL : __libc_calloc(count, size); }
void* realloc(void* former, size_t size) { return fails(size) ? NULL : __libc_realloc(former, size); }
