// store/mongodb/bulk.h - one unordered bulk write, and what its reply says for certain. One command, or several where a server bears few updates in one.
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
  // To one of the collections of `lease`, which outlives it; in the transaction of `session`, if there is one.
  Bulk(const Lease& lease, mongoc_collection_t* collection, const mongoc_client_session_t* session = nullptr);

  // They fail where a document cannot be sent at all.
  Status insert(const Bson& document);
  Status update(const Bson& filter, const Bson& change);
  Status replace(const Bson& filter, const Bson& document, bool upsert = false);
  Status remove(const Bson& filter);      // one
  Status remove_all(const Bson& filter);

  std::size_t size() const { return size_; }
  BulkReply execute();  // once, with at least one operation

 private:
  struct Part {
    std::unique_ptr<mongoc_bulk_operation_t, Destroy<mongoc_bulk_operation_destroy>> operation;
    std::size_t first = 0;  // in the order of adding
  };

  void begin_part();
  mongoc_bulk_operation_t* for_filter();  // of what the next operation with a filter joins
  static void execute(const Part& part, BulkReply& answer);

  mongoc_collection_t* collection_;
  const mongoc_client_session_t* session_;
  const std::size_t most_filters_;  // in a part
  std::vector<Part> parts_;
  std::size_t size_ = 0;
  std::size_t filters_ = 0;  // in the last part
};

}  // namespace jwtd::store
