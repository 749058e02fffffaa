// limit/redis/link.h - one connection to a Redis or Valkey server: commands out, replies in, with the script loaded.
//
// Thread-safety: one thread at a time. Ownership: a Reply is the caller's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "limit/redis/stream.h"

struct redisReader;
struct redisReply;

namespace jwtd::limit {

inline constexpr Code kLimitStoreRefused{"limit_store_refused", Fault::kUnavailable, "The limits' store refuses"};

struct FreeReply {
  void operator()(redisReply* reply) const;
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

// The first word of an error reply, which names its kind ("NOSCRIPT", "WRONGPASS"); "" when it is no error. The rest is never shown: what a
// server repeats there is not ours to know.
std::string error_word(const redisReply& reply);

// A command in the server's notation, behind what `out` has already.
void append_command(std::string& out, std::initializer_list<std::string_view> words);

class Link {
 public:
  // Connects, gives the password, chooses the database, loads the script. Fails with kLimitStoreTimeout, kLimitStoreLost, kLimitStoreRefused.
  static Result<std::unique_ptr<Link>> open(const StoreUrl& url, const std::string& ca_file, std::string_view script, Monotonic::time_point deadline);
  ~Link();

  // Sends `commands` and appends their `count` replies, in order. On failure `replies` has those that came, and the link is of no more use.
  // Fails with kLimitStoreTimeout, kLimitStoreLost.
  Status exchange(std::string_view commands, std::size_t count, Monotonic::time_point deadline, std::vector<Reply>& replies);

  // Puts the script into the server again, which forgets it at SCRIPT FLUSH. Fails as open().
  Status load(std::string_view script, Monotonic::time_point deadline);

  // What EVALSHA calls the script: 40 hexadecimal digits.
  std::string_view script_name() const { return script_name_; }

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  explicit Link(std::unique_ptr<Stream> stream);
  Status begin(const StoreUrl& url, std::string_view script, Monotonic::time_point deadline);

  std::unique_ptr<Stream> stream_;
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::string script_name_;
};

}  // namespace jwtd::limit
