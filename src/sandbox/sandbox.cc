// sandbox/sandbox.cc - four routes over a map of attempts.
#include "sandbox/sandbox.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/ids.h"
#include "base/limits.h"
#include "jose/jws.h"
#include "json/strict_json.h"
#include "telesign/signature.h"

namespace jwtd::sandbox {
namespace {

using http::Request;
using http::Response;
using Body = std::map<std::string, std::string>;

constexpr std::size_t kMaxAttempts = 10'000;  // then all are forgotten: nobody tries that many by hand
constexpr std::int64_t kPending = 2400, kSuccess = 2401, kFailure = 2402;
constexpr auto kClockLeeway = std::chrono::seconds(0);  // the token is dated back for this

const char* description_of(std::int64_t code) {
  switch (code) {
    case kPending: return "Verification pending";
    case kSuccess: return "Verification successful";
    case kFailure: return "Verification failed";
    default: return "As ordered";
  }
}

std::string random_hex(std::size_t octets, const char* digits = "0123456789ABCDEF") {
  std::string out;
  for (const unsigned char octet : random_octets(octets)) {
    out.push_back(digits[octet >> 4]);
    out.push_back(digits[octet & 15]);
  }
  return out;
}

std::string random_code() {
  std::string out;
  while (out.size() < 5) {
    const auto octet = static_cast<unsigned char>(random_octets(1)[0]);
    if (octet < 250) out.push_back(static_cast<char>('0' + octet % 10));
  }
  return out;
}

// The string members of a JSON body, or the named fields of a form. nullopt: neither.
std::optional<Body> read_body(const Request& request, std::initializer_list<const char*> names) {
  Body out;
  if (request.field("content-type").starts_with("application/json")) {
    std::string why;
    const auto object = json::JsonObject::parse(request.body, kMaxReportDepth, why);
    if (!object) return std::nullopt;
    for (const char* name : names) {
      if (const auto* member = object->find(name); member && member->kind == json::JsonMember::Kind::kString) out[name] = member->text;
    }
    return out;
  }
  for (const char* name : names) {
    std::string value;
    const http::QueryValue found = http::query_value(request.body, name, value);
    if (found == http::QueryValue::kMalformed) return std::nullopt;
    if (found == http::QueryValue::kFound) out[name] = value;
  }
  return out;
}

std::string micros(UnixMillis at) {  // "2016-10-21T14:05:36.181000Z"
  std::string text = format_rfc3339(at, true);
  text.insert(text.size() - 1, "000");
  return text;
}

}  // namespace

Sandbox::Sandbox(SandboxOptions options, jose::HmacKey key, Secret key_text)
    : options_(std::move(options)),
      key_(std::move(key)),
      key_text_(std::move(key_text)),
      sender_(options_.ca_file, [this](const Callback& callback, const std::string& outcome) { options_.say("callback " + callback.about + ": " + outcome); }) {}

void Sandbox::add_routes(http::Router& router) {
  const auto route = [&](http::Method method, std::string_view path, void (Sandbox::*endpoint)(const Request&, Response&)) {
    router.add(method, path, [this, endpoint](const Request& request, Response& response) -> Task<void> {
      (this->*endpoint)(request, response);
      co_return;
    });
  };
  route(http::Method::kPost, "/v1/mobile/verification", &Sandbox::initiate);
  route(http::Method::kPost, "/v1/mobile/verification/finalize", &Sandbox::finalize);
  route(http::Method::kGet, "/v1/mobile/verification/status/{xid}", &Sandbox::status);
  route(http::Method::kPost, "/sandbox/callbacks", &Sandbox::order);
}

void Sandbox::answer(Response& response, int status, std::string body) const {
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
}

void Sandbox::refuse(Response& response, int status, std::int64_t code, std::string_view description) const {
  options_.say("refused: " + std::string(description));
  const nlohmann::ordered_json body{{"reference_id", nullptr}, {"errors", {{{"code", code}, {"description", description}}}}, {"status", {{"code", 501}, {"description", "Not authorized"}}}};
  answer(response, status, body.dump());
}

std::string Sandbox::envelope(const Attempt& attempt, std::int64_t code, UnixMillis updated_at) const {
  const nlohmann::ordered_json body{{"reference_id", attempt.reference_id},
                                    {"sub_resource", "app_verify"},
                                    {"external_id", attempt.xid},
                                    {"errors", nlohmann::ordered_json::array()},
                                    {"verify", {{"code_state", code == kPending ? "UNKNOWN" : "COMPLETE"}, {"code_entered", nullptr}}},
                                    {"status", {{"code", code}, {"description", description_of(code)}, {"updated_on", micros(updated_at)}}}};
  return body.dump();
}

void Sandbox::call_back(const Attempt& attempt, std::int64_t code, UnixMillis updated_at, unsigned copies) {
  const std::string body = envelope(attempt, code, updated_at);
  const std::string authorization = "TSA " + options_.customer_id + ':' + telesign::signature_of(body, key_);
  for (unsigned i = 0; i < copies; ++i) sender_.send({body, authorization, std::to_string(code) + " for " + attempt.xid});
}

// What TeleSign checks of a token: key, issuer, times; and that it is for this phone.
void Sandbox::initiate(const Request& request, Response& response) {
  auto body = read_body(request, {"jwt", "phone_number"});
  if (!body || !body->contains("jwt") || !body->contains("phone_number")) return refuse(response, 400, -40006, "jwt and phone_number are needed, as a form or JSON");
  const Result<Phone> phone = Phone::parse((*body)["phone_number"]);
  if (!phone) return refuse(response, 400, 2404, "Invalid phone number");
  const UnixMillis now = options_.clock();
  const auto token = jose::verify((*body)["jwt"], key_, {.issuer = options_.customer_id, .leeway = kClockLeeway}, now / 1000);
  if (!token) return refuse(response, 401, -30000, token.error().message());
  if (token->xid.empty() || !Xid::parse(token->xid)) return refuse(response, 400, -40006, "The token has no transaction id");
  if (!token->phn.empty()) {
    if (const Result<Phone> named = Phone::parse(token->phn); !named || *named != *phone) return refuse(response, 403, -40002, "The token is for another phone number");
  }

  if (by_xid_.size() >= kMaxAttempts) {
    by_xid_.clear();
    xid_of_initiation_.clear();
  }
  Attempt attempt{.xid = token->xid, .reference_id = random_hex(16), .initiate_id = random_hex(16), .updated_at = now};
  attempt.verification_code = options_.code.empty() ? random_code() : options_.code;
  xid_of_initiation_[attempt.initiate_id] = attempt.xid;
  options_.say("calling " + phone->redacted() + " for " + attempt.xid + ": the code is " + attempt.verification_code);
  nlohmann::ordered_json reply = nlohmann::ordered_json::parse(envelope(attempt, kPending, now));
  reply["initiate_id"] = attempt.initiate_id;
  reply["initiate_ttl_ms"] = 45'000;
  reply["xid"] = attempt.xid;
  by_xid_[attempt.xid] = std::move(attempt);
  answer(response, 200, reply.dump());
}

void Sandbox::finalize(const Request& request, Response& response) {
  auto body = read_body(request, {"initiate_id", "verification_code"});
  if (!body || !body->contains("initiate_id")) return refuse(response, 400, -40006, "initiate_id and verification_code are needed, as a form or JSON");
  const auto found = xid_of_initiation_.find((*body)["initiate_id"]);
  if (found == xid_of_initiation_.end()) return refuse(response, 404, -10001, "There is no such initiation");
  Attempt& attempt = by_xid_[found->second];
  if (attempt.initiate_id != found->first) return refuse(response, 404, -10004, "A later initiation has taken its place");
  if (attempt.code == kPending) {  // once final, it stays
    attempt.code = (*body)["verification_code"] == attempt.verification_code ? kSuccess : kFailure;
    attempt.updated_at = options_.clock();
    options_.say(std::string(description_of(attempt.code)) + ": " + attempt.xid);
    call_back(attempt, attempt.code, attempt.updated_at, options_.copies);
  }
  answer(response, 200, envelope(attempt, attempt.code, attempt.updated_at));
}

Status Sandbox::authorized(const Request& request) const {
  const std::string_view given = request.field("authorization");
  if (given.starts_with("Basic ")) {
    if (equal_in_constant_time(given, telesign::basic_authorization(options_.customer_id, key_text_))) return {};
    return Error(telesign::kCallbackSignatureWrong);
  }
  const std::string_view own_date = request.field("x-ts-date");
  const telesign::OutgoingRequest signed_request{.method = "GET",
                                                 .path = request.path,
                                                 .date = own_date.empty() ? request.field("date") : own_date,
                                                 .nonce = request.field("x-ts-nonce"),
                                                 .content_type = request.field("content-type"),
                                                 .body = request.body,
                                                 .date_is_x_ts = !own_date.empty()};
  if (request.field("x-ts-auth-method") != "HMAC-SHA256") return Error(telesign::kCallbackUnsigned);
  if (equal_in_constant_time(given, telesign::digest_authorization(options_.customer_id, key_, signed_request))) return {};
  return Error(telesign::kCallbackSignatureWrong);
}

void Sandbox::status(const Request& request, Response& response) {
  if (const Status status = authorized(request); !status) return refuse(response, 401, -30006, "Invalid signature");
  const auto found = by_xid_.find(std::string(request.params[0]));
  if (found == by_xid_.end()) return refuse(response, 404, -10001, "There is no such transaction");
  answer(response, 200, envelope(found->second, found->second.code, found->second.updated_at));
}

// Callbacks on demand, good and bad ones.
void Sandbox::order(const Request& request, Response& response) {
  auto body = read_body(request, {"xid", "kind"});
  const auto found = body ? by_xid_.find((*body)["xid"]) : by_xid_.end();
  if (found == by_xid_.end()) return refuse(response, 404, -10001, "There is no such transaction; xid and kind are needed");
  const Attempt& attempt = found->second;
  const std::string& kind = (*body)["kind"];
  const std::string real = envelope(attempt, attempt.code, attempt.updated_at);
  const std::string tsa = "TSA " + options_.customer_id + ':';
  const std::string good = telesign::signature_of(real, key_);
  const auto bad = [&](std::string text, std::string authorization) { sender_.send({std::move(text), std::move(authorization), kind + " for " + attempt.xid}); };
  if (kind == "duplicate") {
    call_back(attempt, attempt.code, attempt.updated_at, 2);
  } else if (kind == "late") {  // what was true before
    call_back(attempt, kPending, attempt.updated_at - 1000, 1);
  } else if (kind == "contradiction") {  // the other end
    call_back(attempt, attempt.code == kSuccess ? kFailure : kSuccess, attempt.updated_at + 1000, 1);
  } else if (kind == "forged") {  // by somebody without the key, or after the body was changed
    bad(envelope(attempt, kSuccess, attempt.updated_at + 1), tsa + good);
  } else if (kind == "unsigned") {
    bad(real, "");
  } else if (kind == "other_customer") {
    bad(real, "TSA SOMEBODY-ELSE:" + good);
  } else if (kind == "unmatched") {
    Attempt stranger = attempt;
    stranger.xid = "nobody-knows-" + random_hex(4);
    stranger.reference_id = random_hex(16);
    call_back(stranger, kSuccess, attempt.updated_at, 1);
  } else {
    return refuse(response, 400, -40006, "kind is duplicate, late, contradiction, forged, unsigned, other_customer or unmatched");
  }
  answer(response, 202, "{\"ordered\":\"" + kind + "\"}");
}

}  // namespace jwtd::sandbox
