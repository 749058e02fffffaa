// store/postgres/place_for_tests.h - an empty schema on the test server, one at a time in a program.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "store/postgres/connection.h"
#include "store/store.h"
#include "tests/servers/test_server.h"

namespace jwtd::store::postgres {

// A session with none of a store's habits.
class Session {
 public:
  explicit Session(const std::string& url) {
    auto opened = Connection::open({url, "", std::chrono::seconds(30)}, in_time());
    EXPECT_TRUE(opened) << opened.error().message();
    if (opened) connection_ = std::move(*opened);
  }
  // Runs statements; the rows of the last.
  Rows run(const std::string& sql) {
    const Answer answer = connection_->run_text(sql, in_time());
    EXPECT_TRUE(answer.ok()) << sql << ": " << answer.why;
    return answer.ok() && !answer.rows.empty() ? answer.rows.back() : Rows();
  }
  // The first value of the last statement; empty without a row.
  std::string value(const std::string& sql) {
    const Rows rows = run(sql);
    return rows.size() > 0 ? std::string(rows.value(0, 0)) : std::string();
  }
  Connection& connection() { return *connection_; }

 private:
  static Deadline in_time() { return Monotonic::now() + std::chrono::seconds(30); }
  std::unique_ptr<Connection> connection_;
};

// The test program's own database on the shared server, made at the first call.
inline const std::string& database_url() {
  static const std::string url = [] {
    const std::string shared = shared_server("postgresql").url;
    const std::string name = "test_" + std::to_string(::getpid());
    Session(shared).run("CREATE DATABASE " + name);
    return shared.substr(0, shared.rfind('/') + 1) + name;
  }();
  return url;
}

inline void empty_database() { Session(database_url()).run("DROP SCHEMA IF EXISTS jwtd CASCADE"); }

inline StoreOptions options_for(const std::string& url) {
  StoreOptions options;
  options.url = url;
  options.migrate = true;
  options.timeout = std::chrono::seconds(10);  // sanitizers and a busy machine
  return options;
}

}  // namespace jwtd::store::postgres
