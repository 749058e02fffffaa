// limit/redis/script.cc - the script, and the two ends of it on this side.
#include "limit/redis/script.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace jwtd::limit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kHashDigits = 16;
constexpr std::size_t kArgumentsPerLine = 4;
constexpr std::size_t kTimeElements = 3;  // of an answer, before the buckets: whether it passes, seconds, microseconds

// Lua's numbers are doubles, exact up to 2^53: 104 days of nanoseconds. So every time is two of them, seconds and nanoseconds, and the one
// product below is only asked for its sign, which rounding leaves alone.
// `spare`: how long a bucket is kept beyond its time. A test's clock may be slower than the server's, which is the one that lets names expire.
constexpr std::string_view kServerTime = "local time, spare = redis.call('TIME'), 0\n";
constexpr std::string_view kArgumentTime = "local time, spare = {ARGV[#ARGV - 1], ARGV[#ARGV]}, 3600000\n";
constexpr std::string_view kBody = R"(local now_s, now_ns = tonumber(time[1]), tonumber(time[2]) * 1000
local function exceeds(s, ns, window_s, window_ns)
  return (s - now_s - window_s) * 1e9 + (ns - now_ns - window_ns) > 0
end
local function sum(s, ns, more_s, more_ns)
  s, ns = s + more_s, ns + more_ns
  if ns >= 1e9 then return s + 1, ns - 1e9 end
  return s, ns
end
local function put(key, s, ns)
  local ms = (s - now_s) * 1000 + math.ceil((ns - now_ns) / 1e6) + spare
  redis.call('SET', key, string.format('%.0f%09.0f', s, ns), 'PX', string.format('%.0f', ms))
end
local tats = redis.call('MGET', unpack(KEYS))
local answer, new_s, new_ns = {1, time[1], time[2]}, {}, {}
for i = 1, #KEYS do
  local a = 4 * i
  local interval_s, interval_ns = tonumber(ARGV[a - 3]), tonumber(ARGV[a - 2])
  local window_s, window_ns = tonumber(ARGV[a - 1]), tonumber(ARGV[a])
  local s, ns = now_s, now_ns
  if tats[i] then
    local tat_s, tat_ns = tonumber(string.sub(tats[i], 1, -10)), tonumber(string.sub(tats[i], -9))
    if tat_s > s or (tat_s == s and tat_ns > ns) then s, ns = tat_s, tat_ns end
    if exceeds(s, ns, window_s, window_ns) then
      s, ns = sum(now_s, now_ns, window_s, window_ns)
      put(KEYS[i], s, ns)
    end
  end
  s, ns = sum(s, ns, interval_s, interval_ns)
  if exceeds(s, ns, window_s, window_ns) then answer[1] = 0 end
  new_s[i], new_ns[i], answer[i + 3] = s, ns, tats[i]
end
if answer[1] == 1 then
  for i = 1, #KEYS do put(KEYS[i], new_s[i], new_ns[i]) end
end
return answer
)";

void append_word(std::string& out, std::string_view word) {
  out.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
}

void append_parts(std::string& out, std::int64_t nanoseconds) {
  append_word(out, std::to_string(nanoseconds / kSecond));
  append_word(out, std::to_string(nanoseconds % kSecond));
}

std::uint64_t identity_of(const Line& line, std::size_t place, const Script::Hash& hash) {
  std::string text = line.rule->name;
  for (const std::uint64_t number : {std::uint64_t{place}, static_cast<std::uint64_t>(line.kind), static_cast<std::uint64_t>(line.interval),
                                     static_cast<std::uint64_t>(line.window)}) {
    text.append("\0", 1).append(std::to_string(number));
  }
  return hash(text);
}

bool read_number(const redisReply& reply, std::int64_t& to) {
  if (reply.type != REDIS_REPLY_STRING) return false;
  const auto [end, error] = std::from_chars(reply.str, reply.str + reply.len, to);
  return error == std::errc() && end == reply.str + reply.len && to >= 0;
}

}  // namespace

Script::Script(const std::vector<Rule>& rules, std::string_view hash_key, Clock clock)
    : hash_(hash_key), clock_(clock), text_(clock == Clock::kServer ? kServerTime : kArgumentTime), lines_(lines_of(rules)) {
  text_ += kBody;
  std::size_t place = 0;
  for (const Line& line : lines_) {
    place = line.rate == line.rule->rates.data() ? 0 : place + 1;
    identities_.push_back(identity_of(line, place, hash_));
    const std::string name = "jwtd:{limit}:" + line.rule->name + ":";
    names_.push_back("$" + std::to_string(name.size() + kHashDigits) + "\r\n" + name);
    append_parts(after_, line.interval);
    append_parts(after_, line.window);
  }
  const std::size_t words = 3 + lines_.size() * (1 + kArgumentsPerLine) + (clock == Clock::kArgument ? 2 : 0);
  before_ = "*" + std::to_string(words) + "\r\n";
  append_word(before_, "EVALSHA");
  append_word(between_, std::to_string(lines_.size()));
}

std::uint64_t Script::hash_of(std::size_t line, const ClientKey& client, Phone phone) const {
  std::array<char, 8 + sizeof client.octets> text{};
  std::memcpy(text.data(), &identities_[line], 8);
  const std::uint64_t packed = phone.packed();
  switch (lines_[line].kind) {
    case KeyKind::kClient: std::memcpy(text.data() + 8, client.octets.data(), client.octets.size()); break;
    case KeyKind::kPhone: std::memcpy(text.data() + 8, &packed, sizeof packed); break;
    case KeyKind::kAll: break;
  }
  return hash_({text.data(), text.size()});
}

void Script::append_call(std::string& out, std::string_view name, const ClientKey& client, Phone phone, ServerTime now) const {
  out.append(before_);
  append_word(out, name);
  out.append(between_);
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::array<char, kHashDigits> hash;
    std::uint64_t rest = hash_of(i, client, phone);
    for (auto digit = hash.rbegin(); digit != hash.rend(); ++digit, rest >>= 4) *digit = kDigits[rest & 15];
    out.append(names_[i]).append(hash.data(), hash.size()).append("\r\n");
  }
  out.append(after_);
  if (clock_ == Clock::kServer) return;
  append_word(out, std::to_string(now.count() / 1'000'000));
  append_word(out, std::to_string(now.count() % 1'000'000));
}

std::optional<Decision> Script::read(const redisReply& reply) const {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != kTimeElements + lines_.size()) return std::nullopt;
  std::int64_t seconds = 0, micros = 0;
  if (reply.element[0]->type != REDIS_REPLY_INTEGER || !read_number(*reply.element[1], seconds) || !read_number(*reply.element[2], micros)) return std::nullopt;
  const std::int64_t now = seconds * kSecond + micros * 1000;
  Decision decision;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const redisReply& bucket = *reply.element[kTimeElements + i];
    std::int64_t tat = 0;
    if (bucket.type != REDIS_REPLY_NIL && !read_number(bucket, tat)) return std::nullopt;
    weigh(lines_[i], std::clamp<std::int64_t>(tat - now, 0, lines_[i].window), decision);
  }
  // Two computations of one thing: where they differ, one of them is wrong, and nobody is told what it said.
  if (decision.allowed != (reply.element[0]->integer == 1)) return std::nullopt;
  return decision;
}

}  // namespace jwtd::limit
