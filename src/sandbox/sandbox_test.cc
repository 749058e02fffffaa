// sandbox/sandbox_test.cc - a whole flow against the sandbox, asked by the client that asks TeleSign.
#include "sandbox/sandbox_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "http/server.h"
#include "jose/claims.h"
#include "keys/api_key.h"
#include "outgoing/http_client.h"
#include "telesign/report.h"
#include "telesign/signature.h"
#include "telesign/status_client.h"

namespace jwtd::sandbox {
namespace {

using testing::HasSubstr;

const std::string kKeyText = keys::generate_api_key();
jose::HmacKey key(const std::string& text = kKeyText) { return *keys::parse_api_key(text, jose::Algorithm::kHs256); }

class SandboxFlow : public testing::Test {
 protected:
  void SetUp() override {
    auto started = SandboxServer::start("127.0.0.1", 0, {.customer_id = "C-1", .code = "12345", .say = [](std::string_view) {}}, key(), Secret(std::string(kKeyText)));
    ASSERT_TRUE(started) << started.error().message();
    server_ = *std::move(started);
  }

  nlohmann::json post(const std::string& path, const std::string& body, int status = 200) {
    const auto answer = client_.send({.url = "http://" + server_->endpoint() + path, .method = "POST", .fields = {"Content-Type: application/x-www-form-urlencoded"}, .body = body});
    EXPECT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, status) << answer->body;
    return nlohmann::json::parse(answer->body);
  }
  static std::string token(const std::string& issuer = "C-1", UnixSeconds age = 10, const std::string& key_text = kKeyText) {
    const jose::HmacKey signing = key(key_text);
    jose::HmacSigner signer = signing.signer();
    const UnixSeconds now = wall_now() / 1000;
    return jose::issue(signer, {issuer, now - age, now - age + 90, *Phone::parse("15555551234"), *Xid::parse("x-1")});
  }
  std::string start(const std::string& jwt = token()) { return "phone_number=15555551234&jwt=" + jwt; }
  Result<telesign::Report> ask(telesign::Auth auth, const std::string& key_text = kKeyText, const std::string& xid = "x-1") {
    telesign::StatusClient asker({.url = "http://" + server_->endpoint(), .status_path = "/v1/mobile/verification/status/{xid}", .customer_id = "C-1", .auth = auth},
                                 key(key_text), Secret(std::string(kKeyText)));
    return asker.fetch(*Xid::parse(xid));
  }

  std::unique_ptr<SandboxServer> server_;
  outgoing::HttpClient client_;
};

TEST_F(SandboxFlow, ACodeThatIsRightEndsInSuccess) {
  const auto begun = post("/v1/mobile/verification", start());
  EXPECT_EQ(begun.at("xid"), "x-1");
  EXPECT_EQ(begun.at("status").at("code"), 2400);
  EXPECT_EQ(ask(telesign::Auth::kDigest)->code, 2400);
  const std::string finalize = "initiate_id=" + begun.at("initiate_id").get<std::string>() + "&verification_code=";
  EXPECT_EQ(post("/v1/mobile/verification/finalize", finalize + "12345").at("status").at("code"), 2401);
  EXPECT_EQ(post("/v1/mobile/verification/finalize", finalize + "0").at("status").at("code"), 2401) << "what is final stays";
  const auto status = ask(telesign::Auth::kBasic);
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->code, 2401);
  EXPECT_EQ(status->xid, "x-1");
  EXPECT_NE(status->updated_micros, telesign::Report::kNoTime);
}

TEST_F(SandboxFlow, AWrongCodeEndsInFailure) {
  const auto begun = post("/v1/mobile/verification", start());
  EXPECT_EQ(post("/v1/mobile/verification/finalize", "initiate_id=" + begun.at("initiate_id").get<std::string>() + "&verification_code=54321").at("status").at("code"), 2402);
  EXPECT_EQ(ask(telesign::Auth::kDigest)->code, 2402);
}

TEST_F(SandboxFlow, ATokenIsCheckedAsTheProviderWould) {
  post("/v1/mobile/verification", start(token("C-2")), 401);
  post("/v1/mobile/verification", start(token("C-1", 100)), 401);
  post("/v1/mobile/verification", start(token("C-1", -60)), 401);
  post("/v1/mobile/verification", start(token("C-1", 10, keys::generate_api_key())), 401);
  post("/v1/mobile/verification", start("x.y.z"), 401);
  post("/v1/mobile/verification", "jwt=" + token() + "&phone_number=15555559999", 403);
  post("/v1/mobile/verification", "jwt=" + token(), 400);
  post("/v1/mobile/verification/finalize", "initiate_id=none&verification_code=12345", 404);
}

TEST_F(SandboxFlow, StatusNeedsTheKey) {
  post("/v1/mobile/verification", start());
  EXPECT_TRUE(ask(telesign::Auth::kDigest, keys::generate_api_key()).error().is(telesign::kProviderRefused));
  EXPECT_TRUE(ask(telesign::Auth::kDigest, kKeyText, "x-2").error().is(telesign::kProviderReferenceUnknown));
}

// What arrived at a URL: a second sandbox would not do, so a router of our own.
class Receiver {
 public:
  Receiver() {
    router_.add(http::Method::kPost, "/callbacks", [this](const http::Request& request, http::Response&) -> Task<void> {
      const std::lock_guard lock(mutex_);
      const std::string field(request.field("x-ts-authorization"));
      const std::array keys{key()};
      good += telesign::CallbackCheck("C-1", keys).check(request.field("authorization"), field, request.body).has_value();
      bodies.emplace_back(request.body);
      arrived_.notify_all();
      co_return;
    });
    endpoint = *server_.listen({.host = "127.0.0.1", .routers = {&router_}});
    server_.start();
  }
  ~Receiver() { server_.drain(std::chrono::milliseconds(100)); }

  bool waits_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, std::chrono::seconds(60), [&] { return bodies.size() >= count; });
  }

  std::string endpoint;
  std::vector<std::string> bodies;
  int good = 0;

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  http::Router router_;
  http::Server server_{{.threads = 1}};
};

TEST_F(SandboxFlow, CallbacksAreSignedAndBadOnesCanBeOrdered) {
  Receiver receiver;
  server_->set_callback_url("http://" + receiver.endpoint + "/callbacks");
  const auto begun = post("/v1/mobile/verification", start());
  post("/v1/mobile/verification/finalize", "initiate_id=" + begun.at("initiate_id").get<std::string>() + "&verification_code=12345");
  ASSERT_TRUE(receiver.waits_for(1));
  EXPECT_EQ(receiver.good, 1);
  EXPECT_EQ(telesign::parse_callback(receiver.bodies[0])->code, 2401);

  for (const char* kind : {"duplicate", "late", "contradiction", "unmatched"}) post("/sandbox/callbacks", "xid=x-1&kind=" + std::string(kind), 202);
  ASSERT_TRUE(receiver.waits_for(6));
  EXPECT_EQ(receiver.good, 6);
  EXPECT_EQ(receiver.bodies[1], receiver.bodies[0]);
  EXPECT_EQ(receiver.bodies[2], receiver.bodies[0]);
  EXPECT_EQ(telesign::parse_callback(receiver.bodies[3])->code, 2400);
  EXPECT_LT(telesign::parse_callback(receiver.bodies[3])->updated_micros, telesign::parse_callback(receiver.bodies[0])->updated_micros);
  EXPECT_EQ(telesign::parse_callback(receiver.bodies[4])->code, 2402);
  EXPECT_THAT(receiver.bodies[5], HasSubstr("nobody-knows-"));

  for (const char* kind : {"forged", "unsigned", "other_customer"}) post("/sandbox/callbacks", "xid=x-1&kind=" + std::string(kind), 202);
  ASSERT_TRUE(receiver.waits_for(9));
  EXPECT_EQ(receiver.good, 6);
  post("/sandbox/callbacks", "xid=x-1&kind=odd", 400);
  post("/sandbox/callbacks", "xid=x-2&kind=late", 404);
}

}  // namespace
}  // namespace jwtd::sandbox
