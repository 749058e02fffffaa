// telesign/status_client.cc - one signed GET, and what its answer means.
#include "telesign/status_client.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/limits.h"
#include "json/strict_json.h"
#include "telesign/signature.h"

namespace jwtd::telesign {
namespace {

constexpr std::string_view kPlace = "{xid}";

std::string path_of(const std::string& pattern, const Xid& xid) {
  std::string path = pattern;
  if (const auto at = path.find(kPlace); at != std::string::npos) path.replace(at, kPlace.size(), xid.view());
  return path;
}

std::string fresh_nonce() {  // 32 hex digits, which TeleSign's own code uses too
  std::string out;
  for (const unsigned char octet : random_octets(16)) {
    out.push_back("0123456789abcdef"[octet >> 4]);
    out.push_back("0123456789abcdef"[octet & 15]);
  }
  return out;
}

bool is_one_of(std::int64_t code, std::initializer_list<std::int64_t> codes) { return std::find(codes.begin(), codes.end(), code) != codes.end(); }

// errors[].code, of an answer that has the provider's form.
std::vector<std::int64_t> error_codes(const json::JsonObject& object) {
  std::vector<std::int64_t> codes;
  const json::JsonMember* errors = object.find("errors");
  if (!errors || errors->kind != json::JsonMember::Kind::kArray) return codes;
  for (const json::JsonMember& error : errors->members) {
    const json::JsonMember* code = error.find("code");
    if (code && code->integer) codes.push_back(*code->integer);
  }
  return codes;
}

// What the provider means by its codes; where it gives none, by its HTTP status. reference/telesign.md 2.5.
const Code& meaning(const std::vector<std::int64_t>& codes, int status) {
  for (const std::int64_t code : codes) {
    if (is_one_of(code, {-10004, -40004}) || (code == -10001 && status == 404)) return kProviderReferenceUnknown;
    if (is_one_of(code, {-90001, -40008, -50059}) || (code == -40007 && status == 429)) return kProviderUnavailable;
  }
  if (!codes.empty()) return kProviderRefused;
  if (status == 404) return kProviderReferenceUnknown;
  if (status == 429 || status >= 500) return kProviderUnavailable;
  return status >= 400 ? kProviderRefused : kProviderAnswerMalformed;
}

std::string in_words(int status, const std::vector<std::int64_t>& codes) {
  std::string out = "HTTP status " + std::to_string(status);
  for (std::size_t i = 0; i < codes.size() && i < 4; ++i) out += (i == 0 ? ", codes " : ", ") + std::to_string(codes[i]);
  return out;
}

struct Read {
  Result<Report> report;
  bool worth_another = false;  // our date or nonce was refused
};

Read read(const outgoing::Answer& answer, const Xid& xid) {
  std::string why;
  const auto object = json::JsonObject::parse(answer.body, kMaxReportDepth, why);
  const std::vector<std::int64_t> codes = object ? error_codes(*object) : std::vector<std::int64_t>();
  if (answer.status != 200 || !codes.empty()) {
    const bool ours = std::any_of(codes.begin(), codes.end(), [](std::int64_t code) { return is_one_of(code, {-30010, -30012}); });
    return {Error(meaning(codes, answer.status), in_words(answer.status, codes)), ours};
  }
  if (!object) return {Error(kProviderAnswerMalformed, why)};
  Result<Report> report = parse_callback(answer.body);
  if (!report) return {Error(kProviderAnswerMalformed, report.error().detail())};
  if (!report->xid.empty() && report->xid != xid.view()) return {Error(kProviderAnswerMalformed, "it names another transaction")};
  return {std::move(report)};
}

Error as_provider_error(const Error& error) {
  if (error.is(outgoing::kPeerTimeout)) return Error(kProviderTimeout);
  if (error.is(outgoing::kPeerAnswerTooLarge)) return Error(kProviderAnswerMalformed, error.message());
  return Error(kProviderUnavailable, error.message());
}

}  // namespace

StatusClient::StatusClient(StatusClientOptions options, jose::HmacKey key, Secret key_text)
    : options_(std::move(options)), key_(std::move(key)), key_text_(std::move(key_text)), clients_({options_.ca_file}) {}

outgoing::Request StatusClient::request_for(const Xid& xid, std::chrono::milliseconds timeout) const {
  const std::string path = path_of(options_.status_path, xid);
  outgoing::Request request;
  request.url = options_.url + path;
  request.timeout = timeout;
  request.max_answer = kMaxProviderAnswerBytes;
  request.fields.push_back("Accept: application/json");
  if (options_.auth == Auth::kBasic) {
    request.fields.push_back("Authorization: " + basic_authorization(options_.customer_id, key_text_));
    return request;
  }
  const std::string date = format_imf_fixdate(options_.clock() / 1000);
  const std::string nonce = fresh_nonce();
  request.fields.push_back("Date: " + date);
  request.fields.push_back("x-ts-auth-method: HMAC-SHA256");
  request.fields.push_back("x-ts-nonce: " + nonce);
  request.fields.push_back("Authorization: " + digest_authorization(options_.customer_id, key_, {.method = "GET", .path = path, .date = date, .nonce = nonce}));
  return request;
}

Fetched StatusClient::fetch(const Xid& xid) {
  const Monotonic::time_point end = Monotonic::now() + options_.timeout;
  std::chrono::milliseconds left = options_.timeout;
  for (bool again = false;; again = true) {
    const Result<outgoing::Answer> answer = clients_.send(request_for(xid, left));
    if (!answer) return as_provider_error(answer.error());
    Read outcome = read(*answer, xid);
    left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Monotonic::now());
    if (outcome.worth_another && !again && left.count() > 0) continue;
    Fetched fetched = std::move(outcome.report);
    if (answer->status == 429 || answer->status == 503) fetched.retry_after = answer->retry_after;
    return fetched;
  }
}

}  // namespace jwtd::telesign
