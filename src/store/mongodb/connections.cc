// store/mongodb/connections.cc - a URL becomes a pool; libmongoc's errors become words.
#include "store/mongodb/connections.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/url.h"
#include "store/mongodb/documents.h"

namespace jwtd::store {
namespace {

constexpr const char* kDefaultDatabase = "jwt_db";  // the tutorial's
constexpr std::size_t kMaxShown = 300;              // characters of a foreign text in an error
constexpr std::size_t kFiltersOfFerretDb1 = 32;     // it keeps a connection to SQLite for each update of a command, and hangs when its hundred are used up

// Filled by the thread that parses a URL, so that an option that libmongoc would ignore is refused instead: "tsl=true" must not mean no TLS.
thread_local std::string* unknown_option = nullptr;

void hear(mongoc_log_level_t, const char*, const char* message, void*) {
  if (unknown_option == nullptr) return;
  const std::string_view text = message;
  if (!text.starts_with("Unsupported")) return;
  const auto open = text.find('"');
  const auto close = open == text.npos ? open : text.find('"', open + 1);
  // The option's name; a value might be a secret.
  if (close != text.npos && unknown_option->empty()) *unknown_option = text.substr(open + 1, close - open - 1);
}

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    mongoc_init();
    mongoc_log_set_handler(hear, nullptr);
  });
}

Error unusable(std::string why) { return Error(kStoreOpenFailed, "mongodb: " + std::move(why)); }

// Up to where a server begins to quote the command or the document.
std::string shown(std::string_view message) {
  std::string text(message.substr(0, std::min(message.find('{'), kMaxShown)));
  while (!text.empty() && (text.back() == ' ' || text.back() == ':')) text.pop_back();
  return text;
}

std::string hosts_of(const mongoc_uri_t* uri) {
  if (const char* service = mongoc_uri_get_srv_hostname(uri)) return service;
  std::string hosts;
  for (const mongoc_host_list_t* host = mongoc_uri_get_hosts(uri); host != nullptr; host = host->next) {
    hosts += (hosts.empty() ? "" : ",") + std::string(host->host_and_port);
  }
  return hosts;
}

}  // namespace

Failure describe(const bson_error_t& error) {
  Failure failure{shown(error.message)};
  switch (error.domain) {
    case MONGOC_ERROR_STREAM:
    case MONGOC_ERROR_SERVER_SELECTION:
      failure.away = failure.what.find("TLS handshake failed") == std::string::npos;
      [[fallthrough]];
    case MONGOC_ERROR_CLIENT:
    case MONGOC_ERROR_PROTOCOL:
    case MONGOC_ERROR_SCRAM:
    case MONGOC_ERROR_SASL:
    case MONGOC_ERROR_POOL:
      failure.unreachable = true;
      return failure;
    case MONGOC_ERROR_SERVER:
    case MONGOC_ERROR_WRITE_CONCERN:
      break;
    default:
      return failure;
  }
  failure.code = static_cast<std::int32_t>(error.code);
  failure.what += " (code " + std::to_string(error.code) + ")";
  switch (error.code) {
    case 13: case 18:                                            // no rights
    case 64: case 100: case 133:                                 // no majority
    case 91: case 189: case 10107: case 11600: case 11602: case 13435: case 13436:  // no primary
      failure.unreachable = true;
      failure.away = error.code != 13 && error.code != 18;
      break;
    default:
      break;
  }
  return failure;
}

Error unavailable(const Failure& failure) { return Error(kStoreUnavailable, "mongodb: " + failure.what); }

// -- Lease ----------------------------------------------------------------------------------------------------------

Lease::Lease(mongoc_client_pool_t* pool, mongoc_client_t* client, const char* database, const Traits& traits)
    : pool_(pool), client_(client), database_(database), traits_(traits), tokens_(mongoc_client_get_collection(client, database, kTokens)),
      earlier_(mongoc_client_get_collection(client, database, kEarlierTokens)), notes_(mongoc_client_get_collection(client, database, kNotes)) {}

Lease::~Lease() {
  tokens_.reset();
  earlier_.reset();
  notes_.reset();
  if (client_ == nullptr) return;
  if (pool_ != nullptr) mongoc_client_pool_push(pool_, client_);
  else mongoc_client_destroy(client_);
}

// -- Connections ----------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Connections>> Connections::make(const StoreOptions& options) {
  start_library();
  bson_error_t error;
  std::string unknown;
  unknown_option = &unknown;
  std::unique_ptr<mongoc_uri_t, Destroy<mongoc_uri_destroy>> uri(mongoc_uri_new_with_error(options.url.c_str(), &error));
  unknown_option = nullptr;
  if (!uri) {
    // libmongoc quotes the part that it does not understand, which may be a piece of a password.
    if (options.url.find('@') != std::string::npos) return unusable("the URL cannot be read; are '/', ':', '@' and '%' in its user name and password percent-encoded?");
    return unusable("the URL cannot be read: " + shown(error.message));
  }
  if (!unknown.empty()) return unusable("the URL has an option that is not known, or a value that it cannot have: " + unknown);

  std::unique_ptr<Connections> made(new Connections);
  made->timeout_ = options.timeout;
  const auto millis = static_cast<std::int32_t>(options.timeout.count());
  for (const char* name : {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MONGOC_URI_CONNECTTIMEOUTMS, MONGOC_URI_SOCKETTIMEOUTMS, MONGOC_URI_WAITQUEUETIMEOUTMS}) {
    mongoc_uri_set_option_as_int32(uri.get(), name, millis);
  }
  // One more than asked for: whoever looks after the server must not wait for those that hang.
  mongoc_uri_set_option_as_int32(uri.get(), MONGOC_URI_MAXPOOLSIZE, static_cast<std::int32_t>(options.connections) + 1);
  if (!options.password.empty()) {
    if (mongoc_uri_get_username(uri.get()) == nullptr) return unusable("there is a password, but no user name in the URL");
    if (!mongoc_uri_set_password(uri.get(), options.password.c_str())) return unusable("the password is not UTF-8");
  }
  if (mongoc_uri_get_appname(uri.get()) == nullptr) mongoc_uri_set_appname(uri.get(), "jwtd");
  const char* database = mongoc_uri_get_database(uri.get());
  made->database_ = database != nullptr ? database : kDefaultDatabase;
  made->place_ = hosts_of(uri.get()) + "/" + made->database_;

  made->primary_.reset(mongoc_read_prefs_new(MONGOC_READ_PRIMARY));
  made->durable_.reset(mongoc_write_concern_new());
  mongoc_write_concern_set_wmajority(made->durable_.get(), millis);
  mongoc_write_concern_set_journal(made->durable_.get(), true);
  made->majority_.reset(mongoc_read_concern_new());
  mongoc_read_concern_set_level(made->majority_.get(), MONGOC_READ_CONCERN_LEVEL_MAJORITY);

  made->pool_.reset(mongoc_client_pool_new_with_error(uri.get(), &error));
  if (!made->pool_) return unusable(made->place_ + ": " + describe(error).what);
  mongoc_client_pool_set_error_api(made->pool_.get(), MONGOC_ERROR_API_VERSION_2);
  made->uri_ = std::move(uri);
  return made;
}

Connections::~Connections() = default;

Result<Lease> Connections::lease() {
  mongoc_client_t* client = mongoc_client_pool_pop(pool_.get());
  if (client == nullptr) return Error(kStoreUnavailable, "mongodb: every connection has been busy for the whole timeout");
  return with_concerns(pool_.get(), client);
}

Result<Lease> Connections::patient_lease(std::chrono::milliseconds timeout) {
  const std::unique_ptr<mongoc_uri_t, Destroy<mongoc_uri_destroy>> uri(mongoc_uri_copy(uri_.get()));
  mongoc_uri_set_option_as_int32(uri.get(), MONGOC_URI_SOCKETTIMEOUTMS, static_cast<std::int32_t>(timeout.count()));
  bson_error_t error;
  mongoc_client_t* client = mongoc_client_new_from_uri_with_error(uri.get(), &error);
  if (client == nullptr) return unavailable(describe(error));
  mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
  return with_concerns(nullptr, client);
}

// FerretDB 1 names itself so; the later ones decide and write in one step, as MongoDB does.
Status Connections::ask_for_traits() {
  auto lease = this->lease();
  if (!lease) return lease.error();
  Bson command;
  command.small("buildInfo", 1);
  bson_t reply;
  bson_error_t error;
  const bool answered = mongoc_client_command_simple(lease->client(), "admin", command.get(), primary(), &reply, &error);
  if (answered && !text_at(reply, "ferretdbVersion").empty()) traits_ = {false, kFiltersOfFerretDb1};
  bson_destroy(&reply);
  const Failure failure = answered ? Failure() : describe(error);
  return failure.unreachable ? Status(unavailable(failure)) : Status();  // a role may not be allowed to ask
}

Lease Connections::with_concerns(mongoc_client_pool_t* pool, mongoc_client_t* client) {
  Lease lease(pool, client, database_.c_str(), traits_);
  for (mongoc_collection_t* collection : {lease.tokens(), lease.earlier(), lease.notes()}) {
    mongoc_collection_set_read_concern(collection, majority_.get());
    mongoc_collection_set_write_concern(collection, durable_.get());
  }
  return lease;
}

Status query(const Connections& connections, mongoc_collection_t* collection, const Bson& filter, const Bson& more_options,
             const mongoc_read_prefs_t* preference, const OnDocument& each, Failure* failure) {
  Bson options;
  options.number("maxTimeMS", connections.timeout().count()).all_of(more_options.get());
  const std::unique_ptr<mongoc_cursor_t, Destroy<mongoc_cursor_destroy>> cursor(
      mongoc_collection_find_with_opts(collection, filter.get(), options.get(), preference));
  const bson_t* document = nullptr;
  while (mongoc_cursor_next(cursor.get(), &document)) {
    if (Status status = each(*document); !status) return status;
  }
  bson_error_t error;
  if (!mongoc_cursor_error(cursor.get(), &error)) return {};
  const Failure failed = describe(error);
  if (failure != nullptr) *failure = failed;
  return unavailable(failed);
}

}  // namespace jwtd::store
