// base/base64_fuzz.cc - every text decodes to nothing or to what encodes back to it; every octet string survives both ways.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/base64.h"

namespace {

// Survives NDEBUG, and any fuzzer notices it.
void require(bool held) {
  if (!held) std::abort();
}

std::string base64url(std::string_view in) {
  std::string out;
  jwtd::base64url_append(in, out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const std::string in(reinterpret_cast<const char*>(octets), size);

  if (const auto decoded = jwtd::base64url_decode(in)) require(base64url(*decoded) == in);
  if (const auto decoded = jwtd::base64_decode(in)) require(jwtd::base64_encode(*decoded) == in);

  const std::string text = base64url(in);
  require(text.size() == jwtd::base64url_size(size));
  require(jwtd::base64url_decode(text) == in);
  require(jwtd::base64_decode(jwtd::base64_encode(in)) == in);

  std::string written(text.size(), '\0');
  require(jwtd::base64url_encode({octets, size}, written.data()) == written.data() + written.size());
  require(written == text);
  return 0;
}
