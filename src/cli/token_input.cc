// cli/token_input.cc - reads tokens line by line with a bound on the line.
#include "cli/token_input.h"

#include <istream>

#include "base/limits.h"

namespace jwtd::cli {

namespace {

// false: there is no further line.
bool read_line(std::istream& in, std::string& line) {
  constexpr std::size_t kMaxLineBytes = kMaxTokenBytes + 2;  // one too many, and a carriage return
  line.clear();
  std::streambuf& buffer = *in.rdbuf();
  for (bool any = false;; any = true) {
    const int c = buffer.sbumpc();
    if (c == std::char_traits<char>::eof()) return any;
    if (c == '\n') return true;
    if (line.size() < kMaxLineBytes) line += static_cast<char>(c);
  }
}

}  // namespace

std::size_t for_each_token(const std::vector<std::string>& tokens, std::istream& in, const std::function<void(const std::string&)>& use) {
  std::size_t count = 0;
  for (const std::string& token : tokens) {
    if (token != "-") {
      use(token);
      ++count;
      continue;
    }
    for (std::string line; read_line(in, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.empty()) continue;
      use(line);
      ++count;
    }
  }
  return count;
}

}  // namespace jwtd::cli
