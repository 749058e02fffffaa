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
  std::int64_t matched = 0;       // of updates: how many found their document
  std::vector<Refusal> refusals;
  Failure failure;

  bool only_duplicates() const;
};

class Bulk {
 public:
  explicit Bulk(mongoc_collection_t* collection);

  // They fail where a document cannot be sent at all.
  Status insert(const Bson& document);
  Status update(const Bson& filter, const Bson& change);
  Status replace(const Bson& filter, const Bson& document);

  std::size_t size() const { return size_; }
  BulkReply execute();  // once, with at least one operation

 private:
  std::unique_ptr<mongoc_bulk_operation_t, Destroy<mongoc_bulk_operation_destroy>> bulk_;
  std::size_t size_ = 0;
};

}  // namespace jwtd::store
