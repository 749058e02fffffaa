// limit/redis/connect_for_tests.h - what the tests of this room share: rules, keys, and a way to ask the server something by hand.
#pragma once

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <string>
#include <vector>

#include "base/secret.h"
#include "limit/redis/link.h"
#include "limit/redis/script.h"

namespace jwtd::limit {

inline ClientKey client(std::uint32_t number) {
  ClientKey key;
  key.octets[0] = 4;
  for (int i = 0; i < 4; ++i) key.octets[1 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return key;
}

inline Phone phone(std::uint64_t number = 0) { return *Phone::unpack(15'555'550'000 + number); }

inline Rate rate(std::uint32_t count, std::chrono::seconds period, std::uint32_t burst = 0) { return Rate{count, period, burst == 0 ? count : burst}; }

// New for each test, so that tests on one server do not meet.
inline std::string new_hash_key() { return random_octets(Script::Hash::kKeyBytes); }

// A connection beside those under test.
class Console {
 public:
  explicit Console(const std::string& url, std::string_view script = "return 1") {
    auto opened = Link::open(*parse_store_url(url), {}, script, soon());
    EXPECT_TRUE(opened) << opened.error().message();
    if (opened) link_ = std::move(*opened);
  }

  Reply ask(std::initializer_list<std::string_view> words) {
    std::string command;
    append_command(command, words);
    return send(command);
  }
  Reply send(const std::string& command) {
    std::vector<Reply> replies;
    const Status status = link_->exchange(command, 1, soon(), replies);
    EXPECT_TRUE(status) << status.error().message();
    return std::move(replies.at(0));
  }
  std::string_view script_name() const { return link_->script_name(); }

 private:
  static Monotonic::time_point soon() { return Monotonic::now() + std::chrono::seconds(60); }
  std::unique_ptr<Link> link_;
};

}  // namespace jwtd::limit
