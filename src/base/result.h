// base/result.h - the outcome of a function that can fail for a reason outside the program.
//
// Result<T> has std::expected's names (C++23) and a fixed error type. An Error points at a Code: a constant with a
// stable id, a fault class and a text that is safe to show to anybody. What is specific to the case (paths, numbers,
// errno texts) goes to `detail`, which reaches logs and the command line, never an HTTP answer.
//
// Ownership: Codes are constants with static storage, compared by address. Cost: an Error without detail allocates nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace jwtd {

// The class of an error. http/problem.h maps each to one HTTP status, in one table.
enum class Fault : std::uint8_t {
  kInvalidArgument,   // the caller sent something that can never work
  kUnauthenticated,   // no caller key, or one that is not ours
  kPermissionDenied,  // a known caller without the scope
  kNotFound,
  kAlreadyExists,     // conflicts with what is on record
  kRateLimited,       // come back later: the caller's doing
  kUnavailable,       // come back later: our doing
  kDeadlineExceeded,  // it took too long; whether it happened is unknown
  kInternal,          // a bug, or an environment that broke its promise
};

struct Code {
  const char* id;     // stable, lower snake case, unique in the program: "phone_malformed"
  Fault fault;
  const char* title;  // one sentence, fixed, no personal data: shown in problems
};

class [[nodiscard]] Error {
 public:
  explicit Error(const Code& code, std::string detail = {}) : code_(&code), detail_(std::move(detail)) {}

  const Code& code() const { return *code_; }
  Fault fault() const { return code_->fault; }
  const std::string& detail() const { return detail_; }
  bool is(const Code& code) const { return code_ == &code; }

  // "title: detail", for logs and the command line.
  std::string message() const {
    return detail_.empty() ? std::string(code_->title) : std::string(code_->title) + ": " + detail_;
  }

 private:
  const Code* code_;
  std::string detail_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: as std::expected
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return error_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const& { return std::get<1>(error_); }
  Error&& error() && { return std::get<1>(std::move(error_)); }

 private:
  std::variant<std::monostate, Error> error_;
};

using Status = Result<void>;

}  // namespace jwtd
