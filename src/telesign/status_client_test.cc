// telesign/status_client_test.cc - Get Status against a server of another language that misbehaves in every way it is told to.
#include "telesign/status_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "keys/api_key.h"

namespace jwtd::telesign {
namespace {

using namespace std::chrono_literals;

constexpr const char* kCustomer = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";

// tests/servers/provider_stub.py, which ends with the pipe to it.
class Stub {
 public:
  explicit Stub(const std::string& key) {
    std::string pattern = (std::filesystem::temp_directory_path() / "jwtd-stub-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) return;
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(to[0], 0);
      ::dup2(from[1], 1);
      ::execl("/usr/bin/python3", "python3", JWTD_SOURCE_DIR "/tests/servers/provider_stub.py", folder_.c_str(), kCustomer, key.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    std::FILE* lines = ::fdopen(from[0], "r");
    if (std::fscanf(lines, "http %d https %d", &http_, &https_) != 2) http_ = https_ = 0;
    std::fclose(lines);
  }
  ~Stub() {
    ::close(to_);
    ::waitpid(process_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }

  std::string http() const { return "http://127.0.0.1:" + std::to_string(http_); }
  std::string https() const { return "https://127.0.0.1:" + std::to_string(https_); }
  std::string ca() const { return folder_ + "/ca.pem"; }
  bool runs() const { return http_ != 0; }

 private:
  std::string folder_;
  pid_t process_ = -1;
  int to_ = -1, http_ = 0, https_ = 0;
};

const std::string kKey = keys::generate_api_key();

class GetStatus : public testing::Test {
 protected:
  static void SetUpTestSuite() { stub_ = new Stub(kKey); }
  static void TearDownTestSuite() { delete stub_; }
  void SetUp() override { ASSERT_TRUE(stub_->runs()); }

  StatusClientOptions options(const std::string& url) const {
    return {.url = url, .status_path = "/v1/mobile/verification/status/{xid}", .customer_id = kCustomer, .timeout = 30s, .ca_file = stub_->ca()};
  }
  static jose::HmacKey key(const std::string& text = kKey) { return *keys::parse_api_key(text, jose::Algorithm::kHs256); }

  Result<Report> fetch(const std::string& xid) { return StatusClient(options(stub_->http()), key()).fetch(*Xid::parse(xid)); }
  std::string failure(const std::string& xid) {
    const Result<Report> report = fetch(xid);
    return report ? "none" : report.error().code().id;
  }

  static inline Stub* stub_ = nullptr;
};

TEST_F(GetStatus, AGoodAnswerIsAReport) {
  const Result<Report> report = fetch("x-1");
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->code, 2401);
  EXPECT_EQ(report->xid, "x-1");
  EXPECT_EQ(report->reference_id, std::string(32, 'A'));
  EXPECT_EQ(report->updated_micros, 1'477'058'736'181'346);
}

TEST_F(GetStatus, BasicIsUnderstoodToo) {
  StatusClientOptions basic = options(stub_->http());
  basic.auth = Auth::kBasic;
  EXPECT_TRUE(StatusClient(basic, key(), Secret(std::string(kKey))).fetch(*Xid::parse("x-basic")));
  const Result<Report> wrong = StatusClient(basic, key(), Secret("other")).fetch(*Xid::parse("x-basic"));
  EXPECT_TRUE(wrong.error().is(kProviderRefused));
}

TEST_F(GetStatus, AnotherKeyIsRefusedAndNotTriedAgain) {
  StatusClient client(options(stub_->http()), key(keys::generate_api_key()));
  const Fetched report = client.fetch(*Xid::parse("x-wrong-key"));
  ASSERT_FALSE(report);
  EXPECT_TRUE(report.error().is(kProviderRefused));
  EXPECT_EQ(report.error().detail(), "HTTP status 401, codes -30006");
  EXPECT_EQ(fetch("x-wrong-key")->description, "2");
}

TEST_F(GetStatus, OneClientAsksManyTimes) {
  StatusClient client(options(stub_->http()), key());
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(client.fetch(*Xid::parse("x-many"))->description, std::to_string(i));
}

TEST_F(GetStatus, ClockAndNonceAreTriedOnceMore) {
  EXPECT_EQ(fetch("clock-once")->description, "2");
  EXPECT_EQ(fetch("nonce-once")->description, "2");
  EXPECT_EQ(failure("clock-always"), "provider_refused");
  EXPECT_EQ(fetch("clock-always")->description, "3") << "it was asked more than twice";
}

TEST_F(GetStatus, TheProvidersCodesDecide) {
  EXPECT_EQ(failure("unknown"), "provider_reference_unknown");
  EXPECT_EQ(failure("expired"), "provider_reference_unknown");
  EXPECT_EQ(failure("suspended"), "provider_refused");
  EXPECT_EQ(failure("hard-cap"), "provider_unavailable");
  EXPECT_EQ(failure("e503"), "provider_unavailable");
}

TEST_F(GetStatus, WhatIsNotAStatusOfThisTransactionIsRefused) {
  for (const char* xid : {"html", "redirect", "big", "large-head", "other", "twice", "empty"}) EXPECT_EQ(failure(xid), "provider_answer_malformed") << xid;
  EXPECT_EQ(fetch("after-redirect")->description, "1") << "a redirect was followed";
  EXPECT_EQ(fetch("nameless")->code, 2400);
}

TEST_F(GetStatus, AProviderThatIsDownIsUnavailable) {
  for (const char* xid : {"e500", "closed", "cut", "garbage"}) EXPECT_EQ(failure(xid), "provider_unavailable") << xid;
  EXPECT_TRUE(StatusClient(options("http://127.0.0.1:1"), key()).fetch(*Xid::parse("x")).error().is(kProviderUnavailable));
}

TEST_F(GetStatus, ASlowOneIsGivenUp) {
  StatusClientOptions hurried = options(stub_->http());
  hurried.timeout = 200ms;
  StatusClient client(hurried, key());
  for (const char* xid : {"slow", "drip"}) {
    const auto began = Monotonic::now();
    EXPECT_TRUE(client.fetch(*Xid::parse(xid)).error().is(kProviderTimeout)) << xid;
    EXPECT_LT(Monotonic::now() - began, 20s) << xid;
  }
}

TEST_F(GetStatus, BothTriesShareTheTimeout) {
  StatusClientOptions hurried = options(stub_->http());
  hurried.timeout = 2s;
  EXPECT_TRUE(StatusClient(hurried, key()).fetch(*Xid::parse("clock-late")).error().is(kProviderTimeout)) << "each takes 1.5 s";
}

TEST_F(GetStatus, RetryAfterIsHeardWith429And503) {
  StatusClient client(options(stub_->http()), key());
  for (const char* xid : {"later-429", "later-503"}) {
    const Fetched fetched = client.fetch(*Xid::parse(xid));
    EXPECT_TRUE(fetched.error().is(kProviderUnavailable)) << xid;
    EXPECT_EQ(fetched.retry_after, 30s) << xid;
  }
  EXPECT_EQ(client.fetch(*Xid::parse("later-404")).retry_after, 0s);
  EXPECT_EQ(client.fetch(*Xid::parse("e503")).retry_after, 0s) << "that of an earlier answer";
}

// A socket that takes connections and says nothing.
TEST_F(GetStatus, WhatIsUnderWayEndsWhenItIsCancelled) {
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent, 8), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  StatusClient client(options("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port))), key());
  std::vector<std::thread> askers;
  std::atomic<int> ended = 0;
  for (int i = 0; i < 2; ++i) askers.emplace_back([&] { ended += client.fetch(*Xid::parse("x")).error().is(kProviderUnavailable); });
  const int calls[] = {::accept(silent, nullptr, nullptr), ::accept(silent, nullptr, nullptr)};  // both are under way
  const auto began = Monotonic::now();
  client.cancel();
  for (std::thread& asker : askers) asker.join();
  EXPECT_LT(Monotonic::now() - began, 20s);
  EXPECT_EQ(ended, 2);
  EXPECT_TRUE(client.fetch(*Xid::parse("x")).error().is(kProviderUnavailable));
  for (const int socket : {calls[0], calls[1], silent}) ::close(socket);
}

TEST_F(GetStatus, TlsIsVerified) {
  StatusClientOptions tls = options(stub_->https());
  EXPECT_TRUE(StatusClient(tls, key()).fetch(*Xid::parse("x-tls")));
  tls.ca_file.clear();
  const Result<Report> report = StatusClient(tls, key()).fetch(*Xid::parse("x-tls"));
  ASSERT_FALSE(report);
  EXPECT_TRUE(report.error().is(kProviderUnavailable));
  EXPECT_NE(report.error().detail().find("not trusted"), std::string::npos) << report.error().detail();
}

TEST_F(GetStatus, ProxiesOfTheEnvironmentAreIgnored) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ::setenv("all_proxy", "http://127.0.0.1:1", 1);
  EXPECT_TRUE(fetch("x-proxy"));
  ::unsetenv("http_proxy");
  ::unsetenv("all_proxy");
}

TEST_F(GetStatus, ManyThreadsShareAClient) {
  StatusClient client(options(stub_->http()), key());
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 5; ++j) good += client.fetch(*Xid::parse("t-" + std::to_string(i))).has_value();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

}  // namespace
}  // namespace jwtd::telesign
