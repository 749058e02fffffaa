// store/mongodb/connections.h - libmongoc's connections to one database: how many, how long, and what may be said of their failures.
//
// Every call has a bound: the selection of a server, connecting, each answer, and on the server's side maxTimeMS or wtimeout, all from
// StoreOptions.timeout. Writes are majority and journaled, reads majority, whatever the URL says; everything else of the URL (TLS, credentials,
// X.509, replica set, read preference, compressors) is libmongoc's. Its own log is kept silent: it may quote what it should not.
//
// Thread-safety: lease() from any thread; a Lease belongs to one thread.
#pragma once

#include <mongoc/mongoc.h>

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/mongodb/bson.h"
#include "store/store.h"

namespace jwtd::store {

inline constexpr const char* kTokens = "tokens";
inline constexpr const char* kEarlierTokens = "tokens_earlier";
inline constexpr const char* kNotes = "jwtd_notes";

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const { destroy(object); }
};
using Collection = std::unique_ptr<mongoc_collection_t, Destroy<mongoc_collection_destroy>>;

// What failed, in words that hold neither a password nor anything of a document.
struct Failure {
  std::string what;
  bool unreachable = false;   // no server, no connection, no rights: others would fail alike
  bool away = false;          // of these, what is over when the server is back
  std::int32_t code = 0;      // the server's, 0: none
};
Failure describe(const bson_error_t& error);
Error unavailable(const Failure& failure);  // kStoreUnavailable

// Where a server of this protocol falls short of MongoDB's own.
struct Traits {
  bool atomic = true;  // an update judges its filter and writes in one step
  std::size_t most_filters = std::numeric_limits<std::size_t>::max();  // updates, replacements and removals in one command
};

// One connection for one thread, given back or closed at the end.
class Lease {
 public:
  // No pool: the client is this object's.
  Lease(mongoc_client_pool_t* pool, mongoc_client_t* client, const char* database, const Traits& traits);
  Lease(Lease&& other) noexcept : pool_(other.pool_), client_(std::exchange(other.client_, nullptr)), database_(other.database_), traits_(other.traits_),
                                  tokens_(std::move(other.tokens_)), earlier_(std::move(other.earlier_)), notes_(std::move(other.notes_)) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  mongoc_client_t* client() const { return client_; }
  mongoc_collection_t* tokens() const { return tokens_.get(); }
  mongoc_collection_t* earlier() const { return earlier_.get(); }
  mongoc_collection_t* notes() const { return notes_.get(); }
  const char* database() const { return database_; }
  const Traits& traits() const { return traits_; }

 private:
  mongoc_client_pool_t* pool_;
  mongoc_client_t* client_;
  const char* database_;
  Traits traits_;
  Collection tokens_, earlier_, notes_;
};

class Connections {
 public:
  // Connects to nothing yet. Fails with kStoreOpenFailed: a URL that cannot be used.
  static Result<std::unique_ptr<Connections>> make(const StoreOptions& options);
  ~Connections();

  // Waits until a connection is free, at most the timeout.
  Result<Lease> lease();

  // A connection of its own, for what takes its time by its nature; an answer may take that long.
  Result<Lease> patient_lease(std::chrono::milliseconds timeout);

  std::chrono::milliseconds timeout() const { return timeout_; }
  const mongoc_read_prefs_t* primary() const { return primary_.get(); }
  const mongoc_write_concern_t* durable() const { return durable_.get(); }
  const std::string& place() const { return place_; }  // hosts and database, for the log

  // Asked once, before there are threads. Fails with kStoreUnavailable.
  Status ask_for_traits();
  const Traits& traits() const { return traits_; }

 private:
  Connections() = default;
  Lease with_concerns(mongoc_client_pool_t* pool, mongoc_client_t* client);

  std::unique_ptr<mongoc_uri_t, Destroy<mongoc_uri_destroy>> uri_;
  std::unique_ptr<mongoc_client_pool_t, Destroy<mongoc_client_pool_destroy>> pool_;
  std::unique_ptr<mongoc_read_prefs_t, Destroy<mongoc_read_prefs_destroy>> primary_;
  std::unique_ptr<mongoc_write_concern_t, Destroy<mongoc_write_concern_destroy>> durable_;
  std::unique_ptr<mongoc_read_concern_t, Destroy<mongoc_read_concern_destroy>> majority_;
  std::string database_, place_;
  std::chrono::milliseconds timeout_{};
  Traits traits_;
};

using OnDocument = std::function<Status(const _bson_t&)>;  // the struct, because bson_t is aligned and templates drop that

// Calls `each` for every document that a query finds; a status that is not ok ends it. `more_options` joins maxTimeMS. For what decides about a
// write, and what is answered to somebody, pass the primary's read preference: a secondary may still show what was revoked a moment ago as it was. For
// copies and checks nullptr: the URL's.
Status query(const Connections& connections, mongoc_collection_t* collection, const Bson& filter, const Bson& more_options,
             const mongoc_read_prefs_t* preference, const OnDocument& each, Failure* failure = nullptr);

}  // namespace jwtd::store
