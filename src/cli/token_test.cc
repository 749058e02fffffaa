// cli/token_test.cc - what the token verbs print, and what they exit with.
#include "cli/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/base64.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "jose/golden_for_tests.h"
#include "jose/jws.h"

namespace jwtd::cli {
namespace {

using jose::Algorithm;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
namespace golden = jose::golden;

constexpr UnixSeconds kNow = 1500000012;

class Token : public testing::Test {
 protected:
  Token() {
    std::string folder = (std::filesystem::temp_directory_path() / "jwtd-cli-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    write_key(golden::key_text() + "\n");
  }
  ~Token() override { std::filesystem::remove_all(folder_); }

  std::string key_file() const { return folder_ / "api_key"; }
  void write_key(std::string_view text) {
    std::ofstream(key_file(), std::ios::binary) << text;
    ::chmod(key_file().c_str(), 0600);
  }

  int verify(VerifyRequest request, const std::string& input = {}) {
    if (request.key_file.empty()) request.key_file = key_file();
    if (request.issuer.empty()) request.issuer = golden::kIssuer;
    std::istringstream in(input);
    return verify_tokens(request, in, reset(out_), reset(err_), kNow);
  }

  int verify_one(const std::string& token, bool as_json = false) {
    VerifyRequest request;
    request.json = as_json;
    request.tokens = {token};
    return verify(std::move(request));
  }

  int inspect(std::vector<std::string> tokens, bool as_json = false) {
    std::istringstream in;
    return inspect_tokens(InspectRequest{as_json, std::move(tokens)}, in, reset(out_), reset(err_), kNow);
  }

  IssueRequest golden_issue() const {
    IssueRequest request;
    request.key_file = key_file();
    request.issuer = golden::kIssuer;
    request.phone = golden::kPhone;
    request.xid = golden::kXid;
    return request;
  }

  int issue(const IssueRequest& request) { return issue_token(request, reset(out_), reset(err_), golden::kIat + 10); }

  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  static std::ostringstream& reset(std::ostringstream& stream) {
    stream.str({});
    return stream;
  }

  static std::string signed_by(jose::HmacKey key) {
    jose::HmacSigner signer = key.signer();
    return jose::issue(signer, golden::claims());
  }

  std::filesystem::path folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

// -- verify -----------------------------------------------------------------------------------------------------------------------------

TEST_F(Token, AValidTokenGetsOneLineAndExit0) {
  EXPECT_EQ(verify_one(golden::token()), kExitOk);
  EXPECT_EQ(out(),
            "valid: HS256, iss \"FFFFFFFF-EEEE-DDDD-1234-AB1234567890\", xid \"11111111-2222-4333-8444-555555555555\", iat 1500000000, "
            "exp 1500000090, expires in 78 s\n");
  EXPECT_EQ(err(), "");
}

TEST_F(Token, AValidTokenInJson) {
  EXPECT_EQ(verify_one(golden::token(), true), kExitOk);
  EXPECT_EQ(out(), R"({"valid":true,"alg":"HS256","iss":"FFFFFFFF-EEEE-DDDD-1234-AB1234567890",)"
                   R"("xid":"11111111-2222-4333-8444-555555555555","iat":1500000000,"exp":1500000090,"expires_in":78,)"
                   R"("checks":[{"check":"form","passed":true,"detail":""},{"check":"header","passed":true,"detail":""},)"
                   R"({"check":"algorithm","passed":true,"detail":""},{"check":"key","passed":true,"detail":"the current key, CrIIiW35k60"},)"
                   R"({"check":"signature","passed":true,"detail":""},{"check":"claims","passed":true,"detail":""},)"
                   R"({"check":"issuer","passed":true,"detail":"it is ours"},)"
                   R"({"check":"iat","passed":true,"detail":"issued 12 s ago: iat 1500000000, now 1500000012, leeway 0 s"},)"
                   R"({"check":"exp","passed":true,"detail":"expires in 78 s: exp 1500000090, now 1500000012, leeway 0 s"},)"
                   R"({"check":"audience","passed":true,"detail":"none is named"},)"
                   R"({"check":"on_record","passed":null,"detail":"not looked at: no store was asked"},)"
                   R"({"check":"revoked","passed":null,"detail":"not looked at: no store was asked"},)"
                   R"({"check":"consumed","passed":null,"detail":"not looked at: no store was asked"}]})"
                   "\n");
}

TEST_F(Token, AnExpiredTokenIsToldWithItsNumbersAndExit1) {
  VerifyRequest request;
  request.at = golden::kExp + 12;
  request.tokens = {golden::token()};
  EXPECT_EQ(verify(request), kExitFailed);
  EXPECT_EQ(out(), "invalid: The token has expired: expired 12 s ago: exp 1500000090, now 1500000102\n");
}

TEST_F(Token, AnExpiredTokenInJson) {
  VerifyRequest request;
  request.at = golden::kExp + 12;
  request.json = true;
  request.tokens = {golden::token()};
  EXPECT_EQ(verify(request), kExitFailed);
  json verdict = json::parse(out());
  EXPECT_EQ(verdict.at("checks").at(8), (json{{"check", "exp"}, {"passed", false}, {"detail", "expired 12 s ago: exp 1500000090, now 1500000102"}}));
  verdict.erase("checks");
  EXPECT_EQ(verdict, (json{{"valid", false},
                                      {"check", "token_expired"},
                                      {"reason", "The token has expired"},
                                      {"detail", "expired 12 s ago: exp 1500000090, now 1500000102"}}));
}

TEST_F(Token, LeewaySavesATokenAndSaysSo) {
  VerifyRequest request;
  request.at = golden::kExp + 5;
  request.leeway = std::chrono::seconds(6);
  request.tokens = {golden::token()};
  EXPECT_EQ(verify(request), kExitOk);
  EXPECT_THAT(out(), HasSubstr("expired 5 s ago, within the leeway"));
}

TEST_F(Token, TheKeyUsedWithoutDecodingIsNamed) {
  const std::string token = signed_by(*jose::HmacKey::make(Algorithm::kHs256, Secret(golden::key_text())));
  EXPECT_EQ(verify_one(token), kExitFailed);
  EXPECT_THAT(out(), StartsWith("invalid: The signature does not match: "));
  EXPECT_THAT(out(), HasSubstr("it was signed with the text of this key: whoever made it must base64-decode the API key before signing\n"));
  EXPECT_THAT(out(), Not(HasSubstr(golden::key_text())));
  EXPECT_EQ(verify_one(token, true), kExitFailed);
  EXPECT_THAT(json::parse(out()).at("hint").get<std::string>(), HasSubstr("base64-decode"));
}

TEST_F(Token, TheKeyFileUsedAsItStandsIsNamed) {
  EXPECT_EQ(verify_one(signed_by(*jose::HmacKey::make(Algorithm::kHs256, Secret(golden::key_text() + "\n")))), kExitFailed);
  EXPECT_THAT(out(), HasSubstr("and a newline"));
}

TEST_F(Token, TheAlgorithmThatWouldDoIsNamed) {
  EXPECT_EQ(verify_one(signed_by(golden::key(Algorithm::kHs384))), kExitFailed);
  EXPECT_EQ(out(),
            "invalid: The token's algorithm is not the key's: \"alg\" is \"HS384\", and the key is for HS256; the signature is right "
            "for HS384: --algorithm HS384\n");
}

TEST_F(Token, AnotherKeysTokenGetsNoHint) {
  EXPECT_EQ(verify_one(signed_by(*jose::HmacKey::make(Algorithm::kHs256, Secret(std::string(40, 'x'))))), kExitFailed);
  EXPECT_EQ(out(), "invalid: The signature does not match: it was not made with the key CrIIiW35k60\n");
}

TEST_F(Token, ADashReadsOneTokenALine) {
  VerifyRequest request;
  request.tokens = {"-"};
  EXPECT_EQ(verify(request, golden::token() + "\r\n\n" + golden::token_of_old_pyjwt()), kExitOk);
  const std::string text = out();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_EQ(verify(request, golden::token() + "\nx\n"), kExitFailed);
  EXPECT_THAT(out(), testing::MatchesRegex("valid: [^\n]*\ninvalid: [^\n]*\n"));
}

TEST_F(Token, AnEndlessLineIsOneTokenThatIsTooLong) {
  VerifyRequest request;
  request.tokens = {"-"};
  EXPECT_EQ(verify(request, std::string(1'000'000, 'a') + "\n" + golden::token()), kExitFailed);
  EXPECT_THAT(out(), testing::MatchesRegex("invalid: [^\n]*8192 are the most\nvalid: [^\n]*\n"));
}

TEST_F(Token, NothingToVerifyIsWrongUsage) {
  VerifyRequest request;
  EXPECT_EQ(verify(request), kExitUsage);
  request.tokens = {"-"};
  EXPECT_EQ(verify(request, "\n\n"), kExitUsage);
  EXPECT_EQ(err(), "jwtd: there is no token to verify\n");
}

TEST_F(Token, AKeyThatCannotBeUsedIsWrongUsageAndSaysWhere) {
  VerifyRequest request;
  request.tokens = {golden::token()};
  request.key_file = folder_ / "missing";
  EXPECT_EQ(verify(request), kExitUsage);
  EXPECT_THAT(err(), HasSubstr((folder_ / "missing").string()));
  EXPECT_EQ(out(), "");

  write_key(golden::kPrintedKey);
  request.key_file = key_file();
  EXPECT_EQ(verify(request), kExitUsage);
  EXPECT_EQ(err(), "jwtd: The API key is not standard base64: " + key_file() +
                       ": character 8 is '-' or '_', which belong to base64url; TeleSign's keys have '+' and '/'\n");
}

TEST_F(Token, TimesOutsideTheCalendarAreWrongUsage) {
  VerifyRequest request;
  request.tokens = {golden::token()};
  request.at = std::numeric_limits<UnixSeconds>::min();
  EXPECT_EQ(verify(request), kExitUsage);
  request.at = kNow;
  request.leeway = std::chrono::seconds(-1);
  EXPECT_EQ(verify(request), kExitUsage);
}

// -- inspect ----------------------------------------------------------------------------------------------------------------------------

TEST_F(Token, InspectShowsPartsAndTimes) {
  EXPECT_EQ(inspect({golden::token()}), kExitOk);
  EXPECT_EQ(out(),
            "header\n"
            "  alg  \"HS256\"\n"
            "  typ  \"JWT\"\n"
            "claims\n"
            "  iss  \"FFFFFFFF-EEEE-DDDD-1234-AB1234567890\"\n"
            "  iat  1500000000  issued 2017-07-14T02:40:00Z, 12 s ago\n"
            "  exp  1500000090  expires 2017-07-14T02:41:30Z, in 78 s\n"
            "  phn  \"15555551234\"\n"
            "  xid  \"11111111-2222-4333-8444-555555555555\"\n"
            "signature\n"
            "  32 octets, NOT checked: anybody can have written this; see jwtd token verify\n");
}

TEST_F(Token, InspectInJson) {
  EXPECT_EQ(inspect({golden::token()}, true), kExitOk);
  const json shown = json::parse(out());
  EXPECT_EQ(shown.at("header"), (json{{"alg", "HS256"}, {"typ", "JWT"}}));
  EXPECT_EQ(shown.at("claims").at("xid"), golden::kXid);
  EXPECT_EQ(shown.at("times"), (json{{"iat", {{"at", "2017-07-14T02:40:00Z"}, {"seconds_from_now", -12}}},
                                     {"exp", {{"at", "2017-07-14T02:41:30Z"}, {"seconds_from_now", 78}}}}));
  EXPECT_EQ(shown.at("signature_octets"), 32);
  EXPECT_EQ(shown.at("signature_checked"), false);
}

std::string unsigned_token(std::string_view claims) {
  std::string token(jose::encoded_header(Algorithm::kHs256));
  token += '.';
  base64url_append(claims, token);
  return token + ".AAAA";
}

TEST_F(Token, InspectSaysFarTimesInLargerUnits) {
  const auto distance_at = [&](UnixSeconds exp) {
    EXPECT_EQ(inspect({unsigned_token("{\"exp\":" + std::to_string(exp) + "}")}), kExitOk);
    const std::string text = out();
    const std::size_t begin = text.find("Z, ") + 3;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  EXPECT_EQ(distance_at(kNow + 119), "in 119 s");
  EXPECT_EQ(distance_at(kNow + 120), "in 2 min");
  EXPECT_EQ(distance_at(kNow + 303), "in 5 min 3 s");
  EXPECT_EQ(distance_at(kNow - 3 * 3600 - 59), "3 h ago");
  EXPECT_EQ(distance_at(kNow + 86400 * 40 + 3 * 3600), "in 40 d 3 h");
  EXPECT_EQ(distance_at(kNow), "0 s ago");
}

TEST_F(Token, InspectShowsWhatIsNoTimeAsItIs) {
  EXPECT_EQ(inspect({unsigned_token(R"({"exp":"soon","nbf":1e300,"iat":-1})")}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("  exp  \"soon\"\n  nbf  1e+300\n  iat  -1\n"));
}

TEST_F(Token, InspectLetsNoTokenWriteToTheTerminal) {
  EXPECT_EQ(inspect({unsigned_token("{\"a\":\"\\u001b[2J\xc2\x9b\",\"\\u001b]\":1}")}), kExitOk);
  for (const char c : out()) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
}

TEST_F(Token, InspectOfWhatIsNoTokenFails) {
  EXPECT_EQ(inspect({"abc", golden::token()}), kExitFailed);
  EXPECT_EQ(err(), "jwtd: This is not a compact JWS: 1 part between dots, not 3\n");
  EXPECT_THAT(out(), HasSubstr("\nheader\n"));
  EXPECT_EQ(inspect({"abc"}, true), kExitFailed);
  EXPECT_EQ(json::parse(out()).at("error"), "token_malformed");
  EXPECT_EQ(inspect({}), kExitUsage);
}

// -- issue ------------------------------------------------------------------------------------------------------------------------------

TEST_F(Token, IssueReproducesTheGoldenToken) {
  EXPECT_EQ(issue(golden_issue()), kExitOk);
  EXPECT_EQ(out(), golden::token() + "\n");
  EXPECT_THAT(err(), HasSubstr("this token is not on record"));
}

TEST_F(Token, IssueWithoutAnXidMakesOneAndTellsIt) {
  IssueRequest request = golden_issue();
  request.xid.clear();
  EXPECT_EQ(issue(request), kExitOk);
  const auto token = out().substr(0, out().size() - 1);
  const auto jws = jose::verify(token, golden::key(), {}, golden::kIat + 10);
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->xid.size(), 36u);
  EXPECT_THAT(err(), HasSubstr("xid " + jws->xid));
}

TEST_F(Token, IssueInJson) {
  IssueRequest request = golden_issue();
  request.json = true;
  request.phone = "+15555551234";
  EXPECT_EQ(issue(request), kExitOk);
  EXPECT_EQ(json::parse(out()), (json{{"token", golden::token()},
                                      {"xid", golden::kXid},
                                      {"phone_number", golden::kPhone},
                                      {"issued_at", "2017-07-14T02:40:00Z"},
                                      {"expires_at", "2017-07-14T02:41:30Z"}}));
}

TEST_F(Token, IssueCountsFromAtWithLifetimeAndBackdate) {
  IssueRequest request = golden_issue();
  request.at = 1600000000;
  request.backdate = std::chrono::seconds(0);
  request.lifetime = std::chrono::seconds(30);
  EXPECT_EQ(issue(request), kExitOk);
  const auto jws = jose::verify(out().substr(0, out().size() - 1), golden::key(), {}, 1600000000);
  ASSERT_TRUE(jws) << jws.error().message();
  EXPECT_EQ(jws->iat, 1600000000);
  EXPECT_EQ(jws->exp, 1600000030);
}

TEST_F(Token, IssueRefusesWhatNoTokenCanHold) {
  const auto refused = [&](auto change) {
    IssueRequest request = golden_issue();
    change(request);
    EXPECT_EQ(issue(request), kExitUsage);
    EXPECT_EQ(out(), "");
    return err();
  };
  EXPECT_THAT(refused([](IssueRequest& r) { r.phone = "12x"; }), Not(HasSubstr("12x")));
  EXPECT_THAT(refused([](IssueRequest& r) { r.xid = "a b"; }), HasSubstr("transaction id"));
  EXPECT_THAT(refused([](IssueRequest& r) { r.issuer = "a\"b"; }), HasSubstr("--issuer"));
  EXPECT_THAT(refused([](IssueRequest& r) { r.issuer = std::string(65, 'a'); }), HasSubstr("--issuer"));
  EXPECT_THAT(refused([](IssueRequest& r) { r.lifetime = std::chrono::seconds(10); }), HasSubstr("--lifetime"));
  EXPECT_THAT(refused([](IssueRequest& r) { r.lifetime = std::chrono::seconds::max(); }), HasSubstr("--lifetime"));
  EXPECT_THAT(refused([](IssueRequest& r) { r.backdate = std::chrono::seconds(-1); }), HasSubstr("--backdate"));
  EXPECT_THAT(refused([](IssueRequest& r) { r.at = -1; }), HasSubstr("--at"));
  EXPECT_THAT(refused([](IssueRequest& r) { r.key_file = "/nonexistent/key"; }), HasSubstr("/nonexistent/key"));
}

TEST_F(Token, IssueWarnsOfAPublishedKeyAndOfAFileThatEverybodyMayRead) {
  EXPECT_EQ(issue(golden_issue()), kExitOk);
  EXPECT_THAT(err(), HasSubstr("published sample"));
  EXPECT_THAT(err(), Not(HasSubstr("every user")));
  ::chmod(key_file().c_str(), 0644);
  EXPECT_EQ(issue(golden_issue()), kExitOk);
  EXPECT_THAT(err(), HasSubstr("every user may read " + key_file()));
}

}  // namespace
}  // namespace jwtd::cli
