// cli/token.h - `jwtd token verify|inspect|issue`: tokens on the command line, with no server and no store.
//
// cli.cc fills the requests from arguments; the functions do the job on the streams they are given and return the exit code, so that tests
// need no process. Verdicts go to `out`, notes and errors to `err`. No key is ever printed; tokens only by issue_token().
#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "jose/hmac.h"

namespace jwtd::cli {

struct VerifyRequest {
  std::string key_file;             // as issuer.api_key_file
  std::string previous_key_file;    // as issuer.previous_api_key_file: --previous-key; empty: none
  std::string issuer;               // exact; --issuer is required
  jose::Algorithm algorithm = jose::Algorithm::kHs256;
  std::chrono::seconds leeway{0};   // >= 0
  std::optional<UnixSeconds> at;    // --at; without it `now` counts
  bool json = false;                // -o json: one object a line
  std::vector<std::string> tokens;  // "-": one token a line from `in`; at least one element
};

// One line a token, in order. kExitOk: all are valid, and there was at least one; kExitFailed: any is not; kExitUsage: the key cannot be
// used, or there was no token at all.
//   text: valid: HS256, iss "...", xid "...", iat 1, exp 91, expires in 78 s
//         invalid: <the check that failed>: <its numbers>; <the usual mistake behind it, if it is one>
//   JSON: {"valid":true,"alg","iss","xid","iat","exp","expires_in","checks"} or {"valid":false,"check","reason","detail"[,"hint"],"checks"};
//         checks: [{"check","passed","detail"}] as POST /v1/verify gives them; passed is null for what nobody got to
// The usual mistakes: the key's text used without base64-decoding it, with or without the newline of its file, and another --algorithm.
int verify_tokens(const VerifyRequest& request, std::istream& in, std::ostream& out, std::ostream& err, UnixSeconds now);

struct InspectRequest {
  bool json = false;
  std::vector<std::string> tokens;  // as above
};

// Header, claims, times as dates and distances from `now`; says that the signature is not checked. kExitOk: all could be read; kExitFailed:
// any could not; kExitUsage: no token at all.
//   JSON, a line each: {"header","claims","times":{"exp":{"at","seconds_from_now"},...},"signature_octets","signature_checked":false},
//   or {"error","reason","detail"}
int inspect_tokens(const InspectRequest& request, std::istream& in, std::ostream& out, std::ostream& err, UnixSeconds now);

struct IssueRequest {
  std::string key_file;
  std::string issuer;
  jose::Algorithm algorithm = jose::Algorithm::kHs256;
  std::string phone;
  std::string xid;                 // empty: a fresh one, told on `err`
  std::chrono::seconds lifetime{90};
  std::chrono::seconds backdate{10};
  std::optional<UnixSeconds> at;
  bool json = false;               // -o json: {"token","xid","phone_number","issued_at","expires_at"} as POST /v1/tokens
};

// The bare token and a newline on `out`; a note on `err` that no store has it on record. kExitOk or kExitUsage.
int issue_token(const IssueRequest& request, std::ostream& out, std::ostream& err, UnixSeconds now);

}  // namespace jwtd::cli
