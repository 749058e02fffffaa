// store/mongodb/adopt.cc - what stands there already is read, the rest is inserted, and what was inserted meanwhile is read again.
#include "store/mongodb/adopt.h"

#include <algorithm>
#include <vector>

#include "base/limits.h"
#include "store/mongodb/bulk.h"
#include "store/mongodb/documents.h"
#include "store/mongodb/xids.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kMaxInserted = kMaxBatchRecords;  // at a time

Document document_of(const Transaction& transaction, std::vector<Record>& aside) {
  Document document{transaction.created_at, transaction.issued, 0, transaction.current, {}};
  std::vector<Record> oldest_first(transaction.earlier.rbegin(), transaction.earlier.rend());
  document.issued = std::max<std::uint64_t>(document.issued, oldest_first.size() + 1);
  const std::size_t moved = oldest_first.size() > kMaxEarlierTokens ? oldest_first.size() - kMaxEarlierTokens : 0;
  aside.assign(oldest_first.begin(), oldest_first.begin() + static_cast<std::ptrdiff_t>(moved));
  document.earlier.assign(oldest_first.begin() + static_cast<std::ptrdiff_t>(moved), oldest_first.end());
  document.elsewhere = document.issued - 1 - document.earlier.size();
  return document;
}

// Counts one that stands already; false: nothing does.
bool count_standing(const Transaction& transaction, const UnderXids& all, Adopted& adopted) {
  const auto at = all.find(transaction.current.xid.text());
  if (at == all.end()) return false;
  const UnderXid& under = at->second;
  if (under.ours) {
    const bool same = under.ours->current.token == transaction.current.token && under.ours->current.phone == transaction.current.phone;
    ++(same ? adopted.present : adopted.different);
    return true;
  }
  const auto tokens = under.tokens_of_rows();
  const bool same = !under.damage && !tokens.empty() && tokens.back().token == transaction.current.token && tokens.back().phone == transaction.current.phone;
  ++(same ? adopted.present : adopted.different);
  return true;
}

Status insert(mongoc_collection_t* collection, const std::vector<Bson>& documents, std::vector<std::size_t>& duplicates) {
  duplicates.clear();
  if (documents.empty()) return {};
  Bulk bulk(collection);
  for (const Bson& document : documents) {
    if (Status added = bulk.insert(document); !added) return added;
  }
  const BulkReply reply = bulk.execute();
  if (!reply.certain || !reply.only_duplicates()) return unavailable(reply.failure);
  for (const auto& refusal : reply.refusals) duplicates.push_back(refusal.index);
  return {};
}

Status adopt_some(Connections& connections, const Lease& lease, std::chrono::seconds retention, std::span<const Transaction> transactions,
                  Adopted& adopted) {
  std::vector<Xid> xids;
  for (const Transaction& transaction : transactions) xids.push_back(transaction.current.xid);
  UnderXids all;
  if (Status read = read_under_xids(connections, lease, xids, Earlier::kLeaveOut, connections.primary(), all); !read) return read;

  std::vector<Bson> asides, documents;
  std::vector<const Transaction*> sent;
  for (const Transaction& transaction : transactions) {
    if (count_standing(transaction, all, adopted)) continue;
    std::vector<Record> aside;
    const Document document = document_of(transaction, aside);
    for (std::size_t first = 0; first < aside.size(); first += kMaxEarlierTokens) {
      const Record* begin = aside.data() + first;
      const Record* end = begin + std::min(kMaxEarlierTokens, aside.size() - first);
      asides.push_back(write_aside(document, document.elsewhere - aside.size() + first + 1, write_earlier_array(begin, end), retention));
    }
    documents.push_back(write_document(document, retention));
    sent.push_back(&transaction);
  }
  std::vector<std::size_t> duplicates;
  // Before the documents that count them; one that is there is from an earlier try.
  if (Status written = insert(lease.earlier(), asides, duplicates); !written) return written;
  if (Status written = insert(lease.tokens(), documents, duplicates); !written) return written;
  adopted.written += documents.size() - duplicates.size();
  if (duplicates.empty()) return {};
  xids.clear();
  for (const std::size_t index : duplicates) xids.push_back(sent.at(index)->current.xid);
  all.clear();
  if (Status read = read_under_xids(connections, lease, xids, Earlier::kLeaveOut, connections.primary(), all); !read) return read;
  for (const std::size_t index : duplicates) {
    if (!count_standing(*sent.at(index), all, adopted)) ++adopted.different;
  }
  return {};
}

}  // namespace

Result<Adopted> adopt_transactions(Connections& connections, std::chrono::seconds retention, std::span<const Transaction> transactions) {
  auto lease = connections.lease();
  if (!lease) return lease.error();
  Adopted adopted;
  while (!transactions.empty()) {
    const auto some = transactions.first(std::min(transactions.size(), kMaxInserted));
    if (Status done = adopt_some(connections, *lease, retention, some, adopted); !done) return done.error();
    transactions = transactions.subspan(some.size());
  }
  return adopted;
}

}  // namespace jwtd::store
