// telesign/signature_test.cc - the vectors of reference/telesign.md 3 and 4, and what is not a callback's signature.
#include "telesign/signature.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace jwtd::telesign {
namespace {

constexpr const char* kCustomer = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";
constexpr const char* kDate = "Wed, 14 Dec 2016 18:20:12 GMT";
constexpr const char* kNonce = "A1592C6F-E384-4CDB-BC42-C3AB970369E9";
constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr const char* kStatusPath = "/v1/mobile/verification/status/11111111-2222-4333-8444-555555555555";

// The documentation's keys decode only where what is outside the alphabet is skipped, as TeleSign's SDKs do.
jose::HmacKey key_of(std::string text) {
  std::erase(text, '-');
  return *jose::HmacKey::make(jose::Algorithm::kHs256, Secret(*base64_decode(text)));
}

const std::string kKeyText = "EXAMPLE----TE8sTgg45yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
const jose::HmacKey kKey = key_of(kKeyText);

OutgoingRequest request(std::string_view method, std::string_view path, std::string_view content_type = {}, std::string_view body = {}) {
  return {.method = method, .path = path, .date = kDate, .nonce = kNonce, .content_type = content_type, .body = body};
}

std::string tsa(const std::string& signature) { return std::string("TSA ") + kCustomer + ':' + signature; }

TEST(DigestAuthorization, TheSdksVectors) {
  EXPECT_EQ(digest_authorization(kCustomer, kKey, request("POST", "/v1/resource", kForm, "test=param")), tsa("2xVlmbrxLjYrrPun3G3WMNG6Jon4yKcTeOoK9DjXJ/Q="));
  EXPECT_EQ(digest_authorization(kCustomer, kKey, request("POST", "/v1/resource", kForm, "test=%CF%BF")), tsa("h8d4I0RTxErbxYXuzCOtNqb/f0w3Ck8e5SEkGNj01+8="));
  EXPECT_EQ(digest_authorization(kCustomer, kKey, request("GET", "/v1/resource")), tsa("aUm7I+9GKl3ww7PNeeJntCT0iS7b+EmRKEE4LnRzChQ="));
}

TEST(DigestAuthorization, GetStatusWithEitherDate) {
  OutgoingRequest get = request("GET", kStatusPath);
  EXPECT_EQ(digest_authorization(kCustomer, kKey, get), tsa("YqaTFD39/2e8hqvFo9UuIfUMovlKy0ofGn8iaOfGFbc="));
  get.date_is_x_ts = true;
  EXPECT_EQ(digest_authorization(kCustomer, kKey, get), tsa("gH2Z9SYH5K14CpwkkhPMI6wvYMnd/HR5LhmIs5lBK0I="));
}

TEST(StringToSign, IsLinesWithoutALastLineEnd) {
  EXPECT_EQ(string_to_sign(request("POST", "/p", "t", "b")),
            std::string("POST\nt\n") + kDate + "\nx-ts-auth-method:HMAC-SHA256\nx-ts-nonce:" + kNonce + "\nb\n/p");
  EXPECT_EQ(string_to_sign({.method = "GET", .path = "/p", .date = kDate, .date_is_x_ts = true}),
            std::string("GET\n\n\nx-ts-auth-method:HMAC-SHA256\nx-ts-date:") + kDate + "\n/p");
}

TEST(StringToSign, ABodyWithoutATypeIsNotInIt) {
  EXPECT_EQ(string_to_sign(request("POST", "/p", "", "b")), string_to_sign(request("POST", "/p")));
}

TEST(BasicAuthorization, HasTheKeyAsItIsShown) {
  EXPECT_EQ(basic_authorization(kCustomer, Secret(std::string(kKeyText))),
            "Basic RkZGRkZGRkYtRUVFRS1ERERELTEyMzQtQUIxMjM0NTY3ODkwOkVYQU1QTEUtLS0tVEU4c1RnZzQ1eXVzdW1vTjZCWXNCVmtoK3lSSjVjemdzbkNlaFphT1lsZFBKZG1GaDZO"
            "ZVg4a3VuWjJ6VTFZV2FVdy8wd1Y2eGZ3PT0=");
}

TEST(SignatureOf, TheWorkedExamplesForCallbacks) {
  EXPECT_EQ(signature_of("{'test': 123}", kKey), "B97g3N9lPdVaptvifxRau7bzVAC5hhRBZ6HKXABN744=");
  EXPECT_EQ(signature_of(R"({"reference_id":"B56259E45884010488343BAA15FB0002","sub_resource":"sms","status":{"code":200}})",
                         key_of("ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==")),
            "2C0ZB4EYlcT26tXWxQff495DIRP6hZjrT9RoruHzL3k=");
}

class CheckCallback : public testing::Test {
 protected:
  // "" for accepted.
  std::string verdict(std::string_view authorization, std::string_view x_ts = {}) const {
    const Status checked = CallbackCheck(std::string(kCustomer), keys_).check(authorization, x_ts, body_);
    return checked ? "" : checked.error().code().id;
  }

  const std::array<jose::HmacKey, 2> keys_{key_of("ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw=="), key_of(kKeyText)};
  const jose::HmacKey& current_ = keys_[0];
  std::string body_ = "{'test': 123}";
  const std::string good_ = "B97g3N9lPdVaptvifxRau7bzVAC5hhRBZ6HKXABN744=";
};

TEST_F(CheckCallback, BothFormsInBothFieldsAreGood) {
  for (const std::string& field : {good_, tsa(good_), "tsa " + tsa(good_).substr(4)}) {
    EXPECT_EQ(verdict(field), "") << field;
    EXPECT_EQ(verdict("", field), "") << field;
    EXPECT_EQ(verdict(field, field), "") << field;
  }
}

TEST_F(CheckCallback, EitherKeyIsGoodAndNoOther) {
  EXPECT_EQ(verdict(signature_of(body_, current_)), "");
  const jose::HmacKey other = key_of("ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfA==");
  EXPECT_EQ(verdict(signature_of(body_, other)), "callback_signature_wrong");
  EXPECT_TRUE(CallbackCheck(std::string(kCustomer), {}).check(good_, "", body_).error().is(kCallbackSignatureWrong));
}

TEST_F(CheckCallback, AFieldOfSomebodyElsesDoesNotMatterBesideAGoodOne) {
  EXPECT_EQ(verdict("Basic dXNlcjpwYXNz", tsa(good_)), "");
  EXPECT_EQ(verdict("Bearer jwtd_abc", good_), "");
  EXPECT_EQ(verdict(signature_of("other", kKey), good_), "");
}

TEST_F(CheckCallback, WithoutASignatureItIsUnsigned) {
  for (const char* field : {"", "TSA", "TSA ", "Basic dXNlcjpwYXNz", "TSA B97g3N9lPdVaptvifxRau7bzVAC5hhRBZ6HKXABN744=", "Bearer x", "AAAA"}) {
    EXPECT_EQ(verdict(field), "callback_unsigned") << field;
  }
}

TEST_F(CheckCallback, AnotherCustomersIsWrong) {
  EXPECT_EQ(verdict("TSA FFFFFFFF-EEEE-DDDD-1234-AB1234567891:" + good_), "callback_signature_wrong");
  EXPECT_EQ(verdict("TSA FFFFFFFF-EEEE-DDDD-1234-AB123456789:" + good_), "callback_signature_wrong");
  EXPECT_EQ(verdict("TSA :" + good_), "callback_signature_wrong");
  EXPECT_EQ(verdict("TSA other:" + std::string(kCustomer) + ':' + good_), "callback_signature_wrong");
}

TEST_F(CheckCallback, TheCustomerIdCountsInAnyCase) {
  EXPECT_EQ(verdict("TSA ffffffff-eeee-dddd-1234-ab1234567890:" + good_), "");
  EXPECT_TRUE(CallbackCheck("ffffffff-eeee-dddd-1234-ab1234567890", keys_).check(tsa(good_), "", body_));
}

TEST_F(CheckCallback, TheDetailTellsWhichOfTheTwoIsWrongAndQuotesNothing) {
  const auto detail = [&](std::string_view authorization, std::string_view x_ts = {}) {
    return CallbackCheck(std::string(kCustomer), keys_).check(authorization, x_ts, body_).error().detail();
  };
  EXPECT_EQ(detail("TSA other:" + good_), "the customer id in front of it is another one than issuer.customer_id");
  EXPECT_EQ(detail("TSA other:" + good_, signature_of("other", kKey)), detail("TSA other:" + good_));
  EXPECT_EQ(detail(tsa(signature_of("other", kKey))), "");
}

TEST_F(CheckCallback, EveryOtherBitIsWrong) {
  const std::string octets = *base64_decode(good_);
  for (std::size_t bit = 0; bit < octets.size() * 8; ++bit) {
    std::string changed = octets;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(verdict(base64_encode(changed)), "callback_signature_wrong") << bit;
  }
  EXPECT_EQ(verdict(base64_encode(octets.substr(0, 31))), "callback_unsigned");
  EXPECT_EQ(verdict(base64_encode(octets + 'x')), "callback_unsigned");
}

TEST_F(CheckCallback, TheTextOfASignatureIsOneText) {  // unpadded, url-safe, or with bits behind its end: nobody's
  EXPECT_EQ(verdict(good_.substr(0, 43)), "callback_unsigned");
  EXPECT_EQ(verdict("B97g3N9lPdVaptvifxRau7bzVAC5hhRBZ6HKXABN745="), "callback_unsigned");
  EXPECT_EQ(verdict(good_ + " "), "callback_unsigned");
}

TEST_F(CheckCallback, TheBodyIsSignedAsItCame) {
  body_ += "\n";
  EXPECT_EQ(verdict(tsa(good_)), "callback_signature_wrong");
}

}  // namespace
}  // namespace jwtd::telesign
