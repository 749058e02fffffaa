// store/mongodb/bson.h - BSON documents: an owner that builds them.
//
// Ownership: a Bson owns its document; what is appended is copied. Cost: documents below 120 octets stand in the object itself.
#pragma once

#include <bson/bson.h>

#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace jwtd::store {

class Bson {
 public:
  Bson() { bson_init(&document_); }
  ~Bson() { bson_destroy(&document_); }
  Bson(Bson&& other) noexcept {
    bson_steal(&document_, &other.document_);
    bson_init(&other.document_);
  }
  Bson& operator=(Bson&& other) noexcept {
    if (this != &other) {
      bson_destroy(&document_);
      bson_steal(&document_, &other.document_);
      bson_init(&other.document_);
    }
    return *this;
  }
  Bson(const Bson&) = delete;
  Bson& operator=(const Bson&) = delete;

  // A string; what is not UTF-8 without zero octets, which a BSON string must be for every reader, becomes a binary of subtype 0.
  Bson& text(std::string_view key, std::string_view value) {
    if (bson_utf8_validate(value.data(), value.size(), false)) {
      bson_append_utf8(&document_, key.data(), size(key), value.data(), size(value));
    } else {
      bson_append_binary(&document_, key.data(), size(key), BSON_SUBTYPE_BINARY, reinterpret_cast<const std::uint8_t*>(value.data()),
                         static_cast<std::uint32_t>(value.size()));
    }
    return *this;
  }
  Bson& number(std::string_view key, std::int64_t value) {
    bson_append_int64(&document_, key.data(), size(key), value);
    return *this;
  }
  Bson& small(std::string_view key, std::int32_t value) {
    bson_append_int32(&document_, key.data(), size(key), value);
    return *this;
  }
  Bson& time(std::string_view key, UnixMillis value) {
    bson_append_date_time(&document_, key.data(), size(key), value);
    return *this;
  }
  Bson& flag(std::string_view key, bool value) {
    bson_append_bool(&document_, key.data(), size(key), value);
    return *this;
  }
  Bson& nothing(std::string_view key) {
    bson_append_null(&document_, key.data(), size(key));
    return *this;
  }
  Bson& id(std::string_view key, const bson_oid_t& value) {
    bson_append_oid(&document_, key.data(), size(key), &value);
    return *this;
  }
  Bson& document(std::string_view key, const Bson& value) {
    bson_append_document(&document_, key.data(), size(key), value.get());
    return *this;
  }
  Bson& array(std::string_view key, const Bson& value) {  // its keys are "0", "1" and so on
    bson_append_array(&document_, key.data(), size(key), value.get());
    return *this;
  }
  // All members of another document, behind what is here.
  Bson& all_of(const bson_t* other) {
    bson_concat(&document_, other);
    return *this;
  }

  const bson_t* get() const { return &document_; }
  bson_t* get() { return &document_; }

 private:
  static int size(std::string_view text) { return static_cast<int>(text.size()); }

  bson_t document_;
};

}  // namespace jwtd::store
