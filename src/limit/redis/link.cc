// limit/redis/link.cc - hiredis takes the replies apart; the octets come from stream.cc.
#include "limit/redis/link.h"

#include <hiredis/hiredis.h>

#include <array>
#include <utility>

namespace jwtd::limit {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;      // a full pipeline's replies are 10 KiB
constexpr std::size_t kMaxErrorWord = 32;          // the longest kinds have 20 characters
constexpr std::size_t kScriptNameBytes = 40;       // SHA-1 in hexadecimal

Error refused(std::string detail) { return Error(kLimitStoreRefused, std::move(detail)); }

}  // namespace

void FreeReply::operator()(redisReply* reply) const { ::freeReplyObject(reply); }
void Link::FreeReader::operator()(redisReader* reader) const { ::redisReaderFree(reader); }

std::string error_word(const redisReply& reply) {
  std::string word;
  if (reply.type != REDIS_REPLY_ERROR) return word;
  for (std::size_t i = 0; i < reply.len && i < kMaxErrorWord; ++i) {
    const char c = reply.str[i];
    if ((c < 'A' || c > 'Z') && c != '_') break;
    word += c;
  }
  return word.empty() ? "ERR" : word;
}

void append_command(std::string& out, std::initializer_list<std::string_view> words) {
  out.append("*").append(std::to_string(words.size())).append("\r\n");
  for (const std::string_view word : words) out.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
}

Link::Link(std::unique_ptr<Stream> stream) : stream_(std::move(stream)), reader_(::redisReaderCreate()) {}
Link::~Link() = default;

Result<std::unique_ptr<Link>> Link::open(const StoreUrl& url, const std::string& ca_file, std::string_view script, Monotonic::time_point deadline) {
  auto stream = Stream::connect(url, ca_file, deadline);
  if (!stream) return std::move(stream).error();
  std::unique_ptr<Link> link(new Link(std::move(*stream)));
  if (Status status = link->begin(url, script, deadline); !status) return std::move(status).error();
  return link;
}

Status Link::begin(const StoreUrl& url, std::string_view script, Monotonic::time_point deadline) {
  std::string commands;
  std::vector<const char*> steps;
  if (!url.password.empty()) {
    if (url.user.empty()) append_command(commands, {"AUTH", url.password});
    else append_command(commands, {"AUTH", url.user, url.password});
    steps.push_back("password");
  }
  if (url.database != 0) {
    append_command(commands, {"SELECT", std::to_string(url.database)});
    steps.push_back("database");
  }
  std::vector<Reply> replies;
  if (Status status = exchange(commands, steps.size(), deadline, replies); !status) return status;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (const std::string word = error_word(*replies[i]); !word.empty()) return refused(std::string(steps[i]) + ": " + word);
  }
  return load(script, deadline);
}

Status Link::load(std::string_view script, Monotonic::time_point deadline) {
  std::string command;
  append_command(command, {"SCRIPT", "LOAD", script});
  std::vector<Reply> replies;
  if (Status status = exchange(command, 1, deadline, replies); !status) return status;
  const redisReply& name = *replies.front();
  if (const std::string word = error_word(name); !word.empty()) return refused("script: " + word);
  if (name.type != REDIS_REPLY_STRING || name.len != kScriptNameBytes) return refused("script: it has no name");
  script_name_.assign(name.str, name.len);
  return {};
}

Status Link::exchange(std::string_view commands, std::size_t count, Monotonic::time_point deadline, std::vector<Reply>& replies) {
  if (Status status = stream_->write(commands, deadline); !status) return status;
  std::array<char, kReadBytes> octets;
  while (count > 0) {
    const Result<std::size_t> got = stream_->read(octets.data(), octets.size(), deadline);
    if (!got) return got.error();
    ::redisReaderFeed(reader_.get(), octets.data(), *got);
    while (count > 0) {
      void* reply = nullptr;
      if (::redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) return Error(kLimitStoreLost, "what came is not the server's protocol");
      if (reply == nullptr) break;
      replies.emplace_back(static_cast<redisReply*>(reply));
      --count;
    }
  }
  return {};
}

}  // namespace jwtd::limit
