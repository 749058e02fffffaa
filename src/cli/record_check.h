// cli/record_check.h - whether a record's token says what the record says; private to cli/'s store verbs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "jose/hmac.h"
#include "store/record.h"

namespace jwtd::cli {

// Empty: a transaction's events keep to record.h; else what is wrong, without personal data.
std::string wrong_with_events(const std::vector<store::Event>& events);

class RecordCheck {
 public:
  // `key_file` empty: signatures are not verified. Fails as keys::load_api_key().
  static Result<RecordCheck> make(const std::string& key_file);

  // Empty: sound; else what is wrong, without personal data. The token has three parts, a header as ours, and exactly the record's claims.
  std::string wrong_with(const store::Record& record);

  std::uint64_t signatures() const { return signatures_; }  // verified
  std::uint64_t other_keys() const { return other_keys_; }  // not verified, since another key made them

 private:
  std::string wrong_signature(const store::Record& record, jose::Algorithm algorithm);

  std::vector<jose::HmacKey> keys_;  // by algorithm; none: no signature is verified
  std::uint64_t signatures_ = 0, other_keys_ = 0;
};

}  // namespace jwtd::cli
