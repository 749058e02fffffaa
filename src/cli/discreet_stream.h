// cli/discreet_stream.h - an output stream that leaves out what its command line has in the wrong place: keys, tokens and phone numbers.
//
// Whoever types a key where its file's name belongs finds it repeated by the error, and with it in a terminal's history, a unit's journal or a ticket. Errors
// come from many places, the option parser's library among them; so the words are taken out where all of them pass.
#pragma once

#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

namespace jwtd::cli {

// Passes lines on to `out` when they are whole, or when they are flushed. One thread.
class DiscreetBuffer final : public std::streambuf {
 public:
  DiscreetBuffer(std::streambuf& out, const std::vector<std::string>& arguments);
  ~DiscreetBuffer() override { sync(); }
  DiscreetBuffer(const DiscreetBuffer&) = delete;
  DiscreetBuffer& operator=(const DiscreetBuffer&) = delete;

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* octets, std::streamsize count) override;
  int sync() override;

 private:
  void pass_on(std::size_t end);

  std::streambuf& out_;
  std::vector<std::string> secrets_;
  std::string kept_;
};

}  // namespace jwtd::cli
