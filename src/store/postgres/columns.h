// store/postgres/columns.h - the arrays that statements take, a row of theirs at a time.
//
// What they hand out as parameters points into them until they change. Thread-safety: none.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "store/postgres/connection.h"
#include "store/postgres/rows.h"
#include "store/postgres/values.h"
#include "store/record.h"

namespace jwtd::store::postgres {

// What a token has of its own; every statement that writes tokens takes it last and in this order.
class TokenColumns {
 public:
  void clear();
  void add(const Record& record);
  void append_to(std::vector<std::string_view>& parameters);  // iat, exp, recorded_at, iss, kid, token

 private:
  Array iats_{Array::Of::kTime}, exps_{Array::Of::kTime}, recorded_{Array::Of::kTime}, isss_{Array::Of::kText}, kids_{Array::Of::kText},
      tokens_{Array::Of::kText};
};

// Of kInsertNew, kInsertAbsent and kAdopt.
class Inserts {
 public:
  void clear();
  void add(const Record& record, UnixMillis created_at, std::int32_t number);
  bool empty() const { return xids_.size() == 0; }
  // `step` is how far an epoch's bound goes beyond what asks for it.
  std::vector<std::string_view> for_new(std::chrono::milliseconds step);
  std::vector<std::string_view> for_absent(std::chrono::milliseconds step);

 private:
  Array xids_{Array::Of::kText}, phones_{Array::Of::kInt8};
  TokenColumns tokens_;
  Array created_{Array::Of::kTime}, numbers_{Array::Of::kInt4};
  UnixMillis latest_ = kFirstMillis;
  std::string latest_value_, step_value_;
};

// Of kReissue: new tokens for transactions, on the condition that they are still as they were read.
class Reissues {
 public:
  void clear();
  void add(const Standing& former, const Record& record);
  bool empty() const { return xids_.size() == 0; }
  std::vector<std::string_view> parameters();

 private:
  Array xids_{Array::Of::kText}, epochs_{Array::Of::kInt4}, numbers_{Array::Of::kInt4}, created_{Array::Of::kTime};
  TokenColumns tokens_;
};

// Of kForget and kForgetEarlier: transactions that have expired and whose XIDs come anew.
class Forgets {
 public:
  void clear();
  void add(const Standing& expired);
  bool empty() const { return xids_.size() == 0; }
  void append_to(std::vector<Step>& steps);

 private:
  Array xids_{Array::Of::kText}, epochs_{Array::Of::kInt4}, created_{Array::Of::kTime};
};

}  // namespace jwtd::store::postgres
