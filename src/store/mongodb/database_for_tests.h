// store/mongodb/database_for_tests.h - a database of a test's own on a real server, and raw looks at what stands in it.
#pragma once

#include <gtest/gtest.h>
#include <mongoc/mongoc.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "store/mongodb/bson.h"
#include "store/mongodb/connections.h"
#include "store/mongodb/mongodb_store.h"

namespace jwtd::store {

// Dropped with this object.
class TestDatabase {
 public:
  // `server_url` is one of a server with any database.
  explicit TestDatabase(const std::string& server_url) {
    static std::atomic<int> count{0};
    mongoc_init();
    name_ = "jwtd_test_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
    url_ = server_url.substr(0, server_url.rfind('/') + 1) + name_;
    client_.reset(mongoc_client_new(url_.c_str()));
  }
  ~TestDatabase() {
    const std::unique_ptr<mongoc_database_t, Destroy<mongoc_database_destroy>> database(mongoc_client_get_database(client_.get(), name_.c_str()));
    mongoc_database_drop(database.get(), nullptr);
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& url() const { return url_; }

  StoreOptions options(std::chrono::seconds retention = std::chrono::hours(24 * 30)) const {
    StoreOptions options;
    options.url = url_;
    options.retention = retention;
    options.timeout = std::chrono::seconds(10);  // sanitizers and a busy machine
    return options;
  }

  std::unique_ptr<Store> open(std::chrono::seconds retention = std::chrono::hours(24 * 30)) const { return open(options(retention)); }
  std::unique_ptr<Store> open(const StoreOptions& options) const {
    auto store = open_mongodb_store(options);
    EXPECT_TRUE(store) << store.error().message();
    return store ? *std::move(store) : nullptr;
  }

  // The documents of tests are of 2023: a TTL index would take them away. Over a plain one, sweep() is in charge.
  void make_plain_expiry() {
    for (const char* collection : {kTokens, kEarlierTokens, kNotes}) {
      command(R"({"createIndexes": ")" + std::string(collection) + R"(", "indexes": [{"key": {"expires_at": 1}, "name": "jwtd_expiry"}]})");
    }
  }

  // Extended JSON, as a shell would write it.
  void insert(const std::string& document) {
    const Json json(document);
    bson_error_t error;
    ASSERT_TRUE(mongoc_collection_insert_one(tokens().get(), json.get(), nullptr, nullptr, &error)) << error.message;
  }
  void update(const std::string& filter, const std::string& change) {
    const Json which(filter), what(change);
    bson_error_t error;
    ASSERT_TRUE(mongoc_collection_update_one(tokens().get(), which.get(), what.get(), nullptr, nullptr, &error)) << error.message;
  }
  std::int64_t count(const std::string& filter = "{}", const char* collection = kTokens) {
    const Json which(filter);
    bson_error_t error;
    const Collection in(mongoc_client_get_collection(client_.get(), name_.c_str(), collection));
    const auto count = mongoc_collection_count_documents(in.get(), which.get(), nullptr, nullptr, nullptr, &error);
    EXPECT_GE(count, 0) << error.message;
    return count;
  }
  // The documents as relaxed extended JSON, one a line.
  std::string show(const std::string& filter = "{}") {
    const Json which(filter);
    const std::unique_ptr<mongoc_cursor_t, Destroy<mongoc_cursor_destroy>> cursor(
        mongoc_collection_find_with_opts(tokens().get(), which.get(), nullptr, nullptr));
    std::string text;
    const bson_t* document = nullptr;
    while (mongoc_cursor_next(cursor.get(), &document)) {
      char* json = bson_as_relaxed_extended_json(document, nullptr);
      text += std::string(json) + "\n";
      bson_free(json);
    }
    return text;
  }
  void command(const std::string& json) {
    const Json document(json);
    bson_error_t error;
    ASSERT_TRUE(mongoc_client_command_simple(client_.get(), name_.c_str(), document.get(), nullptr, nullptr, &error)) << error.message;
  }

 private:
  class Json {
   public:
    explicit Json(const std::string& text) {
      bson_error_t error;
      document_ = bson_new_from_json(reinterpret_cast<const std::uint8_t*>(text.data()), static_cast<ssize_t>(text.size()), &error);
      EXPECT_NE(document_, nullptr) << error.message << " in " << text;
    }
    ~Json() { bson_destroy(document_); }
    const bson_t* get() const { return document_; }

   private:
    bson_t* document_;
  };

  Collection tokens() { return Collection(mongoc_client_get_collection(client_.get(), name_.c_str(), kTokens)); }

  std::string name_, url_;
  std::unique_ptr<mongoc_client_t, Destroy<mongoc_client_destroy>> client_;
};

}  // namespace jwtd::store
