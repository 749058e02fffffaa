// store/mongodb/bulk.cc - libmongoc's bulk operation, read carefully.
#include "store/mongodb/bulk.h"

#include <algorithm>

#include "store/mongodb/documents.h"

namespace jwtd::store {
namespace {

mongoc_bulk_operation_t* unordered(mongoc_collection_t* collection, const mongoc_client_session_t* session) {
  Bson options;
  options.flag("ordered", false);
  bson_error_t error;
  if (session != nullptr) mongoc_client_session_append(session, options.get(), &error);
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

Bulk::Bulk(const Lease& lease, mongoc_collection_t* collection, const mongoc_client_session_t* session)
    : collection_(collection), session_(session), most_filters_(lease.traits().most_filters) {
  begin_part();
}

void Bulk::begin_part() {
  parts_.emplace_back().operation.reset(unordered(collection_, session_));
  parts_.back().first = size_;
  filters_ = 0;
}

mongoc_bulk_operation_t* Bulk::for_filter() {
  if (filters_ == most_filters_) begin_part();
  ++filters_;
  return parts_.back().operation.get();
}

Status Bulk::insert(const Bson& document) {
  bson_error_t error;
  if (!mongoc_bulk_operation_insert_with_opts(parts_.back().operation.get(), document.get(), unchecked().get(), &error)) return unavailable(describe(error));
  ++size_;
  return {};
}

Status Bulk::update(const Bson& filter, const Bson& change) {
  bson_error_t error;
  if (!mongoc_bulk_operation_update_one_with_opts(for_filter(), filter.get(), change.get(), nullptr, &error)) return unavailable(describe(error));
  ++size_;
  return {};
}

Status Bulk::replace(const Bson& filter, const Bson& document, bool upsert) {
  bson_error_t error;
  Bson options;
  if (upsert) options.flag("upsert", true);
  if (!mongoc_bulk_operation_replace_one_with_opts(for_filter(), filter.get(), document.get(), options.get(), &error)) return unavailable(describe(error));
  ++size_;
  return {};
}

Status Bulk::remove(const Bson& filter) {
  bson_error_t error;
  if (!mongoc_bulk_operation_remove_one_with_opts(for_filter(), filter.get(), nullptr, &error)) return unavailable(describe(error));
  ++size_;
  return {};
}

Status Bulk::remove_all(const Bson& filter) {
  bson_error_t error;
  if (!mongoc_bulk_operation_remove_many_with_opts(for_filter(), filter.get(), nullptr, &error)) return unavailable(describe(error));
  ++size_;
  return {};
}

BulkReply Bulk::execute() {
  BulkReply answer;
  for (const Part& part : parts_) {
    execute(part, answer);
    if (!answer.certain) break;
  }
  return answer;
}

// Adds to what the parts before it gave.
void Bulk::execute(const Part& part, BulkReply& answer) {
  bson_t reply;
  bson_error_t error;
  answer.certain = mongoc_bulk_operation_execute(part.operation.get(), &reply, &error) != 0;
  answer.matched += number_at(reply, "nMatched").value_or(0);
  answer.removed += number_at(reply, "nRemoved").value_or(0);
  answer.inserted += number_at(reply, "nInserted").value_or(0);
  if (!answer.certain) {
    answer.failure = describe(error);
    const auto refusals = refusals_of(reply);
    for (const auto& [index, code] : refusals) answer.refusals.push_back({part.first + index, code});
    answer.rolled_back = !answer.failure.unreachable && mongoc_error_has_label(&reply, "TransientTransactionError");
    answer.certain = error.domain == MONGOC_ERROR_SERVER && !refusals.empty() && !unconfirmed(reply);
  }
  bson_destroy(&reply);
}

}  // namespace jwtd::store
