// cli/discreet_stream.cc - lines without the words of the command line that may be secrets.
#include "cli/discreet_stream.h"

#include <algorithm>
#include <string_view>

#include "base/may_be_secret.h"

namespace jwtd::cli {
namespace {

constexpr std::size_t kTold = 16;  // so many of a word's first octets tell that it is meant: errors shorten long ones

// The argument, and what stands behind each '=' in it: --key=K, --set NAME=VALUE.
void add_secrets(std::string_view argument, std::vector<std::string>& secrets) {
  if (may_be_secret(argument)) secrets.emplace_back(argument);
  const std::size_t at = argument.find('=');
  if (at != std::string_view::npos && at + 1 < argument.size()) add_secrets(argument.substr(at + 1), secrets);
}

std::string without(const std::string& secret, std::string line) {
  const std::string_view told = std::string_view(secret).substr(0, kTold);
  for (std::size_t at = line.find(told); at != std::string::npos; at = line.find(told, at)) {
    std::size_t size = told.size();
    while (size < secret.size() && at + size < line.size() && line[at + size] == secret[size]) ++size;
    const std::string instead = "[" + std::to_string(secret.size()) + " characters that may be a secret]";
    line.replace(at, size, instead);
    at += instead.size();
  }
  return line;
}

}  // namespace

DiscreetBuffer::DiscreetBuffer(std::streambuf& out, const std::vector<std::string>& arguments) : out_(out) {
  for (const std::string& argument : arguments) add_secrets(argument, secrets_);
  std::sort(secrets_.begin(), secrets_.end(), [](const std::string& a, const std::string& b) { return a.size() > b.size(); });  // whole words before their parts
}

DiscreetBuffer::int_type DiscreetBuffer::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char octet = traits_type::to_char_type(c);
  return xsputn(&octet, 1) == 1 ? c : traits_type::eof();
}

std::streamsize DiscreetBuffer::xsputn(const char* octets, std::streamsize count) {
  kept_.append(octets, static_cast<std::size_t>(count));
  if (const std::size_t end = kept_.rfind('\n'); end != std::string::npos) pass_on(end + 1);
  return count;
}

int DiscreetBuffer::sync() {
  pass_on(kept_.size());
  return out_.pubsync();
}

void DiscreetBuffer::pass_on(std::size_t end) {
  std::string lines = kept_.substr(0, end);
  kept_.erase(0, end);
  for (const std::string& secret : secrets_) lines = without(secret, std::move(lines));
  out_.sputn(lines.data(), static_cast<std::streamsize>(lines.size()));
}

}  // namespace jwtd::cli
