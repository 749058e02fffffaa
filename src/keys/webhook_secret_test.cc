// keys/webhook_secret_test.cc - what is a secret for forwarding, and what is said of the rest.
#include "keys/webhook_secret.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace jwtd::keys {
namespace {

TEST(WebhookSecret, AGeneratedOneIsGood) {
  const std::string text = generate_webhook_secret();
  const auto key = parse_webhook_secret(text);
  ASSERT_TRUE(key) << key.error().message();
  EXPECT_EQ(key->algorithm(), jose::Algorithm::kHs256);
  EXPECT_NE(text, generate_webhook_secret());
}

TEST(WebhookSecret, OthersAreRefusedWithoutBeingQuoted) {
  const std::string good = generate_webhook_secret();
  for (const std::string& text : {std::string(), good.substr(6), "whsk_" + good.substr(6), good + "=", good.substr(0, good.size() - 1)}) {
    const auto key = parse_webhook_secret(text);
    ASSERT_FALSE(key) << text;
    EXPECT_TRUE(key.error().is(kWebhookSecretMalformed));
    EXPECT_EQ(key.error().message().find(good.substr(6, 8)), std::string::npos);
  }
}

TEST(WebhookSecret, ItHasTheOctetsThatTheSpecificationAsksFor) {
  EXPECT_TRUE(parse_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));  // the specification's example: 24
  EXPECT_TRUE(parse_webhook_secret("whsec_" + base64_encode(std::string(64, 'x'))));
  EXPECT_TRUE(parse_webhook_secret("whsec_" + base64_encode(std::string(23, 'x'))).error().is(kWebhookSecretTooShort));
}

TEST(WebhookSecret, AFileThatIsNotThereIsNamed) {
  const auto key = load_webhook_secret("/nowhere/secret");
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().detail().find("/nowhere/secret"), std::string::npos);
}

}  // namespace
}  // namespace jwtd::keys
