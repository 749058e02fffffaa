// cli/token_input.h - the tokens of one command line, one after the other, whether they are arguments or lines; private to cli/.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace jwtd::cli {

// Calls `use` for each token in order; for "-", for each line of `in` that is not empty, without its line end. A line longer than any token
// may be is cut one octet over kMaxTokenBytes, so that it is refused for its length at no cost. Returns how many there were.
std::size_t for_each_token(const std::vector<std::string>& tokens, std::istream& in, const std::function<void(const std::string&)>& use);

}  // namespace jwtd::cli
