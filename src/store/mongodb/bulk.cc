// store/mongodb/bulk.cc - libmongoc's bulk operation, read carefully.
#include "store/mongodb/bulk.h"

#include <algorithm>

#include "store/mongodb/documents.h"

namespace jwtd::store {
namespace {

mongoc_bulk_operation_t* unordered(mongoc_collection_t* collection) {
  Bson options;
  options.flag("ordered", false);
  return mongoc_collection_create_bulk_operation_with_opts(collection, options.get());
}

const Bson& unchecked() {  // what was just made needs no validation
  static const Bson options = [] {
    Bson made;
    made.flag("validate", false);
    return made;
  }();
  return options;
}

std::vector<BulkReply::Refusal> refusals_of(const bson_t& reply) {
  std::vector<BulkReply::Refusal> refusals;
  bson_iter_t at, element, member;
  if (!bson_iter_init_find(&at, &reply, "writeErrors") || !bson_iter_recurse(&at, &element)) return refusals;
  while (bson_iter_next(&element)) {
    std::int64_t index = -1, code = 0;
    if (!bson_iter_recurse(&element, &member)) continue;
    while (bson_iter_next(&member)) {
      const std::string_view key = bson_iter_key(&member);
      if (key == "index") index = bson_iter_as_int64(&member);
      if (key == "code") code = bson_iter_as_int64(&member);
    }
    if (index >= 0) refusals.push_back({static_cast<std::size_t>(index), static_cast<std::int32_t>(code)});
  }
  return refusals;
}

bool unconfirmed(const bson_t& reply) {
  bson_iter_t at, element;
  return bson_iter_init_find(&at, &reply, "writeConcernErrors") && bson_iter_recurse(&at, &element) && bson_iter_next(&element);
}

}  // namespace

bool BulkReply::only_duplicates() const {
  return std::all_of(refusals.begin(), refusals.end(), [](const Refusal& one) { return one.code == kDuplicateKey; });
}

Bulk::Bulk(mongoc_collection_t* collection) : bulk_(unordered(collection)) {}

Status Bulk::insert(const Bson& document) {
  bson_error_t error;
  if (!mongoc_bulk_operation_insert_with_opts(bulk_.get(), document.get(), unchecked().get(), &error)) return unavailable(describe(error));
  ++size_;
  return {};
}

Status Bulk::update(const Bson& filter, const Bson& change) {
  bson_error_t error;
  if (!mongoc_bulk_operation_update_one_with_opts(bulk_.get(), filter.get(), change.get(), nullptr, &error)) return unavailable(describe(error));
  ++size_;
  return {};
}

Status Bulk::replace(const Bson& filter, const Bson& document) {
  bson_error_t error;
  if (!mongoc_bulk_operation_replace_one_with_opts(bulk_.get(), filter.get(), document.get(), nullptr, &error)) return unavailable(describe(error));
  ++size_;
  return {};
}

BulkReply Bulk::execute() {
  BulkReply answer;
  bson_t reply;
  bson_error_t error;
  answer.certain = mongoc_bulk_operation_execute(bulk_.get(), &reply, &error) != 0;
  answer.matched = number_at(reply, "nMatched").value_or(0);
  if (!answer.certain) {
    answer.failure = describe(error);
    answer.refusals = refusals_of(reply);
    answer.certain = error.domain == MONGOC_ERROR_SERVER && !answer.refusals.empty() && !unconfirmed(reply);
  }
  bson_destroy(&reply);
  return answer;
}

}  // namespace jwtd::store
