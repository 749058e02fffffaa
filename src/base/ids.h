// base/ids.h - the two names of a transaction: whom it is for (Phone) and which one it is (Xid).
//
// Both can only be made by a function that checked, so whoever holds one needs no further check. Both are small values:
// copied, never shared, and compared byte for byte; nothing here allocates.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jwtd {

inline constexpr Code kPhoneMalformed{"phone_malformed", Fault::kInvalidArgument,
                                      "The phone number must be 7 to 15 digits with its country code first (E.164)."};
inline constexpr Code kXidMalformed{
    "xid_malformed", Fault::kInvalidArgument,
    "The transaction id must be 1 to 100 characters out of A-Z a-z 0-9 - . _ ~ and neither \".\" nor \"..\"."};

// A phone number in E.164: country code first, no leading zero, 7 to 15 digits. Held as a number, which is injective
// because the first digit is never zero.
class Phone {
 public:
  static constexpr std::size_t kMinDigits = 7;   // shortest in use: +290 and +683 with four digits
  static constexpr std::size_t kMaxDigits = 15;  // E.164 s6

  // Takes digits with at most one leading '+', which is dropped. ASCII only. Fails with kPhoneMalformed.
  static Result<Phone> parse(std::string_view text);
  // The number a driver stored with packed(). Fails with kPhoneMalformed when it never was a Phone.
  static Result<Phone> unpack(std::uint64_t packed);

  std::uint64_t packed() const { return digits_; }  // below 10^15
  std::string text() const;                         // digits only
  void append_to(std::string& out) const;
  std::string redacted() const;  // "*******1234": the last four of it at most, for logs and masked answers

  friend auto operator<=>(const Phone&, const Phone&) = default;

 private:
  explicit Phone(std::uint64_t digits) : digits_(digits) {}
  std::uint64_t digits_;
};

// The transaction id ("external id"): unreserved characters of RFC 3986 s2.3, so it stands in a URL path without escapes.
class Xid {
 public:
  static constexpr std::size_t kMaxSize = 100;  // octets; TeleSign's bound for external_id (status 3103)

  // Fails with kXidMalformed.
  static Result<Xid> parse(std::string_view text);

  std::string_view view() const { return {text_.data(), size_}; }
  std::string text() const { return std::string(view()); }

  friend bool operator==(const Xid& a, const Xid& b) { return a.view() == b.view(); }
  friend auto operator<=>(const Xid& a, const Xid& b) { return a.view() <=> b.view(); }

 private:
  friend class XidGenerator;  // base/uuid7.h: what it writes is valid by construction
  Xid() = default;
  std::array<char, kMaxSize> text_;  // first size_ octets are meaningful
  std::uint8_t size_ = 0;
};

}  // namespace jwtd
