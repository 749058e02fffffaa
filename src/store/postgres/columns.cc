// store/postgres/columns.cc - rows into arrays, arrays into parameters.
#include "store/postgres/columns.h"

#include <algorithm>

#include "store/postgres/statements.h"

namespace jwtd::store::postgres {

void TokenColumns::clear() {
  for (Array* array : {&iats_, &exps_, &recorded_, &isss_, &kids_, &tokens_}) array->clear();
}

void TokenColumns::add(const Record& record) {
  iats_.add_time(record.iat * 1000);
  exps_.add_time(record.exp * 1000);
  recorded_.add_time(record.recorded_at);
  isss_.add_text(record.iss);
  kids_.add_text(record.kid);
  tokens_.add_text(record.token);
}

void TokenColumns::append_to(std::vector<std::string_view>& parameters) {
  for (Array* array : {&iats_, &exps_, &recorded_, &isss_, &kids_, &tokens_}) parameters.push_back(array->octets());
}

void Inserts::clear() {
  for (Array* array : {&xids_, &phones_, &created_, &numbers_}) array->clear();
  tokens_.clear();
  latest_ = kFirstMillis;
}

void Inserts::add(const Record& record, UnixMillis created_at, std::int32_t number) {
  xids_.add_text(record.xid.view());
  phones_.add_int8(static_cast<std::int64_t>(record.phone.packed()));
  tokens_.add(record);
  created_.add_time(created_at);
  numbers_.add_int4(number);
  latest_ = std::max(latest_, created_at);
}

std::vector<std::string_view> Inserts::for_new(std::chrono::milliseconds step) {
  latest_value_ = int8_value(to_micros(latest_));
  step_value_ = int8_value(std::chrono::microseconds(step).count());
  std::vector<std::string_view> parameters{xids_.octets(), phones_.octets()};
  tokens_.append_to(parameters);
  parameters.push_back(latest_value_);
  parameters.push_back(step_value_);
  return parameters;
}

std::vector<std::string_view> Inserts::for_absent(std::chrono::milliseconds step) {
  std::vector<std::string_view> parameters = for_new(step);
  parameters.push_back(created_.octets());
  parameters.push_back(numbers_.octets());
  return parameters;
}

void Reissues::clear() {
  for (Array* array : {&xids_, &epochs_, &numbers_, &created_}) array->clear();
  tokens_.clear();
}

void Reissues::add(const Standing& former, const Record& record) {
  xids_.add_text(record.xid.view());
  epochs_.add_int4(former.epoch);
  numbers_.add_int4(former.number);
  created_.add_time(former.created_at);
  tokens_.add(record);
}

std::vector<std::string_view> Reissues::parameters() {
  std::vector<std::string_view> parameters{xids_.octets(), epochs_.octets(), numbers_.octets(), created_.octets()};
  tokens_.append_to(parameters);
  return parameters;
}

void Forgets::clear() {
  for (Array* array : {&xids_, &epochs_, &created_}) array->clear();
}

void Forgets::add(const Standing& expired) {
  xids_.add_text(expired.record.xid.view());
  epochs_.add_int4(expired.epoch);
  created_.add_time(expired.created_at);
}

void Forgets::append_to(std::vector<Step>& steps) {
  steps.push_back({&kForget, {xids_.octets(), epochs_.octets(), created_.octets()}});
  steps.push_back({&kForgetEarlier, {xids_.octets(), epochs_.octets()}});
}

}  // namespace jwtd::store::postgres
