/* tests/e2e/open_file.h - which file a descriptor stands for; shared by the libraries of these tests. */
#pragma once
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* False: none, or it is not known. */
static int name_of_open_file(int fd, char name[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, name, PATH_MAX - 1);
  name[size > 0 ? size : 0] = 0;
  return size >= 0;
}
