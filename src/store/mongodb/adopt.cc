// store/mongodb/adopt.cc - what stands there already is read, the rest is inserted, and what was inserted meanwhile is read again.
#include "store/mongodb/adopt.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/limits.h"
#include "store/decide.h"
#include "store/mongodb/bulk.h"
#include "store/mongodb/documents.h"
#include "store/mongodb/xids.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kMaxInserted = kMaxBatchRecords;  // at a time

Document document_of(const Transaction& transaction, std::vector<Record>& aside) {
  Document document{transaction.created_at, transaction.issued, 0, transaction.current, {}, transaction.events};
  std::vector<Record> oldest_first(transaction.earlier.rbegin(), transaction.earlier.rend());
  document.issued = std::max<std::uint64_t>(document.issued, oldest_first.size() + 1);
  const std::size_t moved = oldest_first.size() > kMaxEarlierTokens ? oldest_first.size() - kMaxEarlierTokens : 0;
  aside.assign(oldest_first.begin(), oldest_first.begin() + static_cast<std::ptrdiff_t>(moved));
  document.earlier.assign(oldest_first.begin() + static_cast<std::ptrdiff_t>(moved), oldest_first.end());
  document.elsewhere = document.issued - 1 - document.earlier.size();
  return document;
}

// What becomes of the transactions of one call.
class Adoption {
 public:
  Adoption(Connections& connections, const Lease& lease, std::chrono::seconds retention, Adopted& adopted)
      : connections_(connections), lease_(lease), retention_(retention), adopted_(adopted) {}

  Status run(std::span<const Transaction> transactions);

 private:
  using List = std::vector<const Transaction*>;

  Status read(const List& transactions);
  bool count_standing(const Transaction& transaction);
  Status write(const List& transactions, List& beaten);
  Status insert_asides(const std::vector<Bson>& asides);

  Connections& connections_;
  const Lease& lease_;
  const std::chrono::seconds retention_;
  Adopted& adopted_;
  UnderXids under_;
};

Status Adoption::run(std::span<const Transaction> transactions) {
  List first, rest, beaten;
  std::unordered_set<std::string_view> xids;
  // Of one XID twice the first counts, so the others are looked at when that one stands.
  for (const Transaction& transaction : transactions) (xids.insert(transaction.current.xid.view()).second ? first : rest).push_back(&transaction);
  if (Status done = read(first); !done) return done;
  List missing;
  for (const Transaction* transaction : first) {
    if (!count_standing(*transaction)) missing.push_back(transaction);
  }
  if (Status done = write(missing, beaten); !done) return done;
  rest.insert(rest.end(), beaten.begin(), beaten.end());
  if (rest.empty()) return {};
  if (Status done = read(rest); !done) return done;
  for (const Transaction* transaction : rest) {
    if (!count_standing(*transaction)) ++adopted_.different;
  }
  return {};
}

Status Adoption::read(const List& transactions) {
  std::vector<Xid> xids;
  for (const Transaction* transaction : transactions) xids.push_back(transaction->current.xid);
  under_.clear();
  return read_under_xids(connections_, lease_, xids, Earlier::kLeaveOut, connections_.primary(), under_);
}

// False: nothing stands there that counts.
bool Adoption::count_standing(const Transaction& transaction) {
  const auto at = under_.find(transaction.current.xid.text());
  if (at == under_.end()) return false;
  const UnderXid& under = at->second;
  const auto tokens = under.tokens_of_rows();
  const Record* standing = nullptr;
  if (under.ours && !past_retention(under.ours->created_at, retention_, transaction.current.recorded_at)) standing = &under.ours->current;
  else if (!tokens.empty()) standing = &tokens.back();
  if (standing == nullptr && !under.damage && under.rows.empty()) return false;
  const bool same = standing != nullptr && !under.damage && standing->token == transaction.current.token && standing->phone == transaction.current.phone;
  ++(same ? adopted_.present : adopted_.different);
  return true;
}

// `beaten`: those that somebody else wrote in between.
Status Adoption::write(const List& transactions, List& beaten) {
  std::vector<Bson> asides;
  List inserted, replaced;
  Bulk inserts(lease_, lease_.tokens()), replacements(lease_, lease_.tokens());
  for (const Transaction* transaction : transactions) {
    std::vector<Record> aside;
    const Document document = document_of(*transaction, aside);
    for (std::size_t first = 0; first < aside.size(); first += kMaxEarlierTokens) {
      const Record* begin = aside.data() + first;
      const Record* end = begin + std::min(kMaxEarlierTokens, aside.size() - first);
      asides.push_back(write_aside(document, document.elsewhere - aside.size() + first + 1, write_earlier_array(begin, end), retention_));
    }
    const auto at = under_.find(transaction->current.xid.text());
    const bool expired = at != under_.end() && at->second.ours;
    const Bson made = write_document(document, retention_);
    if (Status added = expired ? replacements.replace(unchanged(*at->second.ours), made) : inserts.insert(made); !added) return added;
    (expired ? replaced : inserted).push_back(transaction);
  }
  // Before the documents that count them.
  if (Status done = insert_asides(asides); !done) return done;
  if (!inserted.empty()) {
    const BulkReply reply = inserts.execute();
    if (!reply.certain || !reply.only_duplicates()) return unavailable(reply.failure);
    adopted_.written += inserted.size() - reply.refusals.size();
    for (const auto& refusal : reply.refusals) beaten.push_back(inserted.at(refusal.index));
  }
  if (!replaced.empty()) {
    const BulkReply reply = replacements.execute();
    if (!reply.certain || !reply.refusals.empty()) return unavailable(reply.failure);
    adopted_.written += static_cast<std::uint64_t>(reply.matched);
    if (reply.matched != static_cast<std::int64_t>(replaced.size())) {
      return Error(kStoreUnavailable, "mongodb: other nodes changed what was about to be replaced; adopt it again");
    }
  }
  return {};
}

Status Adoption::insert_asides(const std::vector<Bson>& asides) {
  if (asides.empty()) return {};
  Bulk bulk(lease_, lease_.earlier());
  for (const Bson& aside : asides) {
    if (Status added = bulk.insert(aside); !added) return added;
  }
  const BulkReply reply = bulk.execute();
  // One that is there is of an earlier try.
  return reply.certain && reply.only_duplicates() ? Status() : Status(unavailable(reply.failure));
}

}  // namespace

Result<Adopted> adopt_transactions(Connections& connections, std::chrono::seconds retention, std::span<const Transaction> transactions) {
  auto lease = connections.lease();
  if (!lease) return lease.error();
  Adopted adopted;
  Adoption adoption(connections, *lease, retention, adopted);
  while (!transactions.empty()) {
    const auto some = transactions.first(std::min(transactions.size(), kMaxInserted));
    if (Status done = adoption.run(some); !done) return done.error();
    transactions = transactions.subspan(some.size());
  }
  return adopted;
}

}  // namespace jwtd::store
