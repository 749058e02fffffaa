// store/mongodb/bulk.h - one unordered bulk write, and what its reply says for certain.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "store/mongodb/connections.h"

namespace jwtd::store {

inline constexpr std::int32_t kDuplicateKey = 11000;

struct BulkReply {
  struct Refusal {
    std::size_t index;  // in the order of adding
    std::int32_t code;
  };

  // The server answered for each: what is not refused is on record, confirmed by a majority. False: the failure is the connection's, the whole
  // command's or the confirmation's, and what is not refused may or may not be there.
  bool certain = false;
  std::int64_t matched = 0;       // of updates and replacements: how many found their document
  std::int64_t removed = 0;
  std::int64_t inserted = 0;      // without upserts
  std::vector<Refusal> refusals;
  bool rolled_back = false;       // the transaction that it was part of, because another was at the same documents
  Failure failure;

  bool only_duplicates() const;
};

class Bulk {
 public:
  // In the transaction of `session`, if there is one.
  explicit Bulk(mongoc_collection_t* collection, const mongoc_client_session_t* session = nullptr);

  // They fail where a document cannot be sent at all.
  Status insert(const Bson& document);
  Status update(const Bson& filter, const Bson& change);
  Status replace(const Bson& filter, const Bson& document, bool upsert = false);
  Status remove(const Bson& filter);      // one
  Status remove_all(const Bson& filter);

  std::size_t size() const { return size_; }
  BulkReply execute();  // once, with at least one operation

 private:
  std::unique_ptr<mongoc_bulk_operation_t, Destroy<mongoc_bulk_operation_destroy>> bulk_;
  std::size_t size_ = 0;
};

}  // namespace jwtd::store
