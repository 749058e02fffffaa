// limit/redis/script.h - GCRA as one Lua script that runs inside the server: its text, a call of it, and what an answer says.
//
// A bucket is one string: its TAT in nanoseconds since 1970, in decimal, which expires by itself when the bucket is full again. The script
// reads all buckets of a request, lets it pass if every one has a permit, and then charges all of them, else none. It says no more than that
// and what it read: which rule is the strictest follows here, by the code that LocalLimiter uses (gcra.h).
//
// Time: the server's clock (TIME, microseconds), so the nodes' clocks need not agree. When it goes back, a bucket further ahead than it can be
// is an empty one: nobody waits longer than for a full bucket.
//
// Names: "jwtd:{limit}:RULE:HASH". HASH is SipHash-2-4 under a key of 128 bits of rule, rate and whom it is about, so that neither a phone number nor
// an address can be had from a name, not even by trying all there are, without that key. The braces put all of them on one slot of a cluster.
//
// Thread-safety: immutable. Ownership: the rules outlive it and stay where they are.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/client_key.h"
#include "base/ids.h"
#include "limit/gcra.h"
#include "limit/siphash.h"

struct redisReply;

namespace jwtd::limit {

class Script {
 public:
  using Hash = SipHash<2, 4>;
  using ServerTime = std::chrono::microseconds;  // since 1970

  // kArgument: the time comes with each call; for tests, which turn it by hand.
  enum class Clock : std::uint8_t { kServer, kArgument };

  // `hash_key`: Hash::kKeyBytes octets that all nodes share and nobody else knows.
  Script(const std::vector<Rule>& rules, std::string_view hash_key, Clock clock = Clock::kServer);

  const std::string& text() const { return text_; }

  // Appends an EVALSHA for one request. `name`: what the server calls the script. `now`: only for Clock::kArgument.
  void append_call(std::string& out, std::string_view name, const ClientKey& client, Phone phone, ServerTime now = {}) const;

  // nullopt: this is no answer of the script.
  std::optional<Decision> read(const redisReply& reply) const;

 private:
  std::uint64_t hash_of(std::size_t line, const ClientKey& client, Phone phone) const;

  Hash hash_;
  Clock clock_;
  std::string text_;
  std::vector<Line> lines_;
  std::vector<std::uint64_t> identities_;  // by line: a hash of rule and rate
  std::vector<std::string> names_;         // by line: a bucket's name up to its hash, as the protocol writes it
  std::string before_, between_, after_;   // the constant parts of a call: up to the script's name, from there to the buckets, behind them
};

}  // namespace jwtd::limit
