// libjwt_verify.c - how long libjwt takes to read and check one HS256 token; prints nanoseconds a token.
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;  // token, key as hex, rounds
  const size_t size = strlen(argv[2]) / 2;
  unsigned char key[256];
  if (size > sizeof key) return 2;
  for (size_t i = 0; i < size; ++i) {
    unsigned octet;
    if (sscanf(argv[2] + 2 * i, "%2x", &octet) != 1) return 2;
    key[i] = (unsigned char)octet;
  }
  const long rounds = atol(argv[3]);
  const double began = now();
  for (long i = 0; i < rounds; ++i) {
    jwt_t* jwt = NULL;
    if (jwt_decode(&jwt, argv[1], key, (int)size) != 0 || jwt_get_grant_int(jwt, "exp") <= 0) return 1;
    jwt_free(jwt);
  }
  printf("%.1f\n", (now() - began) / (double)rounds);
  return 0;
}
