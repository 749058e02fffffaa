// store/mongodb/indexes.cc - what is there against what is wanted.
#include "store/mongodb/indexes.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/mongodb/documents.h"

namespace jwtd::store {
namespace {

struct Member {
  const char* name;
  int direction;
};

struct Wanted {
  const char* collection;
  const char* name;
  std::vector<Member> members;
  bool ttl;
};

const std::vector<Wanted>& wanted_indexes() {
  static const std::vector<Wanted> all{
      {kTokens, "jwtd_xid", {{"xid", 1}}, false},
      {kTokens, "jwtd_phone", {{"phone_number", 1}, {"created_at", 1}, {"_id", 1}}, false},
      {kTokens, "jwtd_expiry", {{"expires_at", 1}}, true},
      {kEarlierTokens, "jwtd_expiry", {{"expires_at", 1}}, true},
      {kNotes, "jwtd_expiry", {{"expires_at", 1}}, true},
  };
  return all;
}

struct Found {
  std::string collection, name, key;
  std::string other_options;  // of those that change what the index holds or does
  bool has_ttl = false;
  std::int64_t ttl_seconds = 0;
};

std::string key_text(const std::vector<Member>& members) {
  std::string text;
  for (const Member& member : members) text += (text.empty() ? "" : ", ") + std::string(member.name) + ": " + std::to_string(member.direction);
  return "{" + text + "}";
}

std::string key_text(const bson_t& index) {
  std::string text;
  bson_iter_t at, member;
  if (!bson_iter_init_find(&at, &index, "key") || !bson_iter_recurse(&at, &member)) return "{}";
  while (bson_iter_next(&member)) {
    const std::string direction = BSON_ITER_HOLDS_NUMBER(&member) ? std::to_string(bson_iter_as_int64(&member)) : "other";
    text += (text.empty() ? "" : ", ") + std::string(bson_iter_key(&member)) + ": " + direction;
  }
  return "{" + text + "}";
}

Found read_index(const char* collection, const bson_t& index) {
  Found found{collection, std::string(text_at(index, "name")), key_text(index), {}, false, 0};
  if (const auto seconds = number_at(index, "expireAfterSeconds")) {
    found.has_ttl = true;
    found.ttl_seconds = *seconds;
  }
  bson_iter_t at;
  for (const char* option : {"partialFilterExpression", "collation", "sparse", "unique", "hidden"}) {
    if (!bson_iter_init_find(&at, &index, option) || (BSON_ITER_HOLDS_BOOL(&at) && !bson_iter_bool(&at))) continue;
    found.other_options += (found.other_options.empty() ? "" : ", ") + std::string(option);
  }
  return found;
}

Result<std::vector<Found>> list_indexes(const Lease& lease) {
  std::vector<Found> all;
  for (const auto& [name, collection] : {std::pair(kTokens, lease.tokens()), std::pair(kEarlierTokens, lease.earlier()), std::pair(kNotes, lease.notes())}) {
    const std::unique_ptr<mongoc_cursor_t, Destroy<mongoc_cursor_destroy>> cursor(mongoc_collection_find_indexes_with_opts(collection, nullptr));
    const bson_t* index = nullptr;
    while (mongoc_cursor_next(cursor.get(), &index)) all.push_back(read_index(name, *index));
    bson_error_t error;
    constexpr std::uint32_t kNamespaceNotFound = 26;
    if (mongoc_cursor_error(cursor.get(), &error) && error.code != kNamespaceNotFound) return Error(kStoreUnavailable, describe(error).what);
  }
  return all;
}

// A collation may take two XIDs for one; views and capped collections cannot keep transactions.
Status check_collections(const Lease& lease) {
  Bson names, either, filter, options;
  either.text("0", kTokens).text("1", kEarlierTokens).text("2", kNotes);
  names.array("$in", either);
  filter.document("name", names);
  options.document("filter", filter);
  const std::unique_ptr<mongoc_database_t, Destroy<mongoc_database_destroy>> database(mongoc_client_get_database(lease.client(), lease.database()));
  const std::unique_ptr<mongoc_cursor_t, Destroy<mongoc_cursor_destroy>> cursor(mongoc_database_find_collections_with_opts(database.get(), options.get()));
  const bson_t* collection = nullptr;
  while (mongoc_cursor_next(cursor.get(), &collection)) {
    const std::string name(text_at(*collection, "name"));
    if (const auto type = text_at(*collection, "type"); !type.empty() && type != "collection") {
      return Error(kStoreOpenFailed, name + " is no collection but a " + std::string(type));
    }
    bson_iter_t at, option;
    if (!bson_iter_init_find(&at, collection, "options") || !bson_iter_recurse(&at, &option)) continue;
    while (bson_iter_next(&option)) {
      const std::string_view key = bson_iter_key(&option);
      if (key == "capped" && bson_iter_as_bool(&option)) return Error(kStoreOpenFailed, "the collection " + name + " is capped: it would lose what it holds");
      if (key == "collation") return Error(kStoreOpenFailed, "the collection " + name + " has a collation of its own: it may take two transaction ids for one");
    }
  }
  bson_error_t error;
  if (mongoc_cursor_error(cursor.get(), &error)) return Error(kStoreUnavailable, describe(error).what);
  return {};
}

std::string command_for(const Wanted& index, bool ttl) {
  return "db." + std::string(index.collection) + ".createIndex(" + key_text(index.members) + ", {name: \"" + index.name + "\"" +
         (ttl ? ", expireAfterSeconds: 0" : "") + "})";
}

enum class Presence { kThere, kThereWithoutTtl, kMissing, kInTheWay };

Presence presence_of(const Wanted& index, std::span<const Found> found, std::string& in_the_way) {
  Presence best = Presence::kMissing;
  for (const Found& one : found) {
    if (one.collection != index.collection) continue;
    const bool same_key = one.key == key_text(index.members);
    // Unique would refuse what jwtd must write; partial, sparse and hidden ones do not answer every look-up.
    const bool plain = one.other_options.empty() && (!one.has_ttl || (index.ttl && one.ttl_seconds == 0));
    if (same_key && plain) {
      if (!index.ttl || one.has_ttl) return Presence::kThere;
      best = Presence::kThereWithoutTtl;
    } else if (one.name == index.name) {
      in_the_way = one.name + " of " + one.collection + " is over " + one.key + (one.other_options.empty() ? "" : ", " + one.other_options) +
                   (one.has_ttl ? ", expireAfterSeconds " + std::to_string(one.ttl_seconds) : "");
      return Presence::kInTheWay;
    }
  }
  return best;
}

Status create(const Lease& lease, const Wanted& index, bool ttl) {
  Bson key, options, list, command;
  for (const Member& member : index.members) key.small(member.name, member.direction);
  options.document("key", key).text("name", index.name);
  if (ttl) options.small("expireAfterSeconds", 0);
  list.document("0", options);
  command.text("createIndexes", index.collection).array("indexes", list);
  bson_error_t error;
  if (mongoc_client_write_command_with_opts(lease.client(), lease.database(), command.get(), nullptr, nullptr, &error)) return {};
  const Failure failure = describe(error);
  return Error(failure.unreachable && failure.code == 0 ? kStoreUnavailable : kStoreOpenFailed, failure.what);
}

}  // namespace

Result<Indexes> prepare_indexes(const Lease& lease, bool may_create) {
  if (Status fit = check_collections(lease); !fit) return fit.error();
  auto found = list_indexes(lease);
  if (!found) return found.error();

  Indexes indexes{true};
  std::string missing;
  for (const Wanted& index : wanted_indexes()) {
    std::string in_the_way;
    switch (presence_of(index, *found, in_the_way)) {
      case Presence::kThere:
        continue;
      case Presence::kThereWithoutTtl:
        indexes.server_expires = false;
        continue;
      case Presence::kInTheWay:
        return Error(kStoreOpenFailed, "the index " + in_the_way + "; jwtd needs " + command_for(index, index.ttl) + " and drops no index itself");
      case Presence::kMissing:
        break;
    }
    if (!may_create) {
      missing += "; " + command_for(index, index.ttl);
      continue;
    }
    Status made = create(lease, index, index.ttl);
    if (!made && made.error().is(kStoreUnavailable)) return made.error();
    // Some servers of this protocol know no TTL: there sweep() does the work.
    if (!made && index.ttl) made = create(lease, index, false);
    if (!made) return Error(made.error().code(), command_for(index, index.ttl) + ": " + made.error().detail());
  }
  if (!missing.empty()) return Error(kStoreOpenFailed, "indexes are missing, and store.create_indexes is false: " + missing.substr(2));
  // What was made just now may be without the TTL that was asked for.
  found = list_indexes(lease);
  if (!found) return found.error();
  std::string unused;
  for (const Wanted& index : wanted_indexes()) {
    if (index.ttl && presence_of(index, *found, unused) != Presence::kThere) indexes.server_expires = false;
  }
  return indexes;
}

}  // namespace jwtd::store
