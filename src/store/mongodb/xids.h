// store/mongodb/xids.h - all that stands under given XIDs: our document, the tutorial's rows, and what nobody understands.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "store/mongodb/connections.h"
#include "store/mongodb/documents.h"

namespace jwtd::store {

inline constexpr std::size_t kMaxRowsRead = 10'000;  // of the tutorial's, in one query: a bound for memory; a phone or an XID has a few

struct UnderXid {
  std::optional<Document> ours;
  std::vector<LegacyRow> rows;  // oldest first
  std::optional<Error> damage;  // of our document, or of another that claims this XID
  std::optional<Transaction> shell;  // of our document that cannot be read: its phone and created_at

  // Rows of the phone that the oldest row names: the first record for an XID stands, and those of others are not its transaction's.
  std::vector<Record> tokens_of_rows() const;
};

using UnderXids = std::unordered_map<std::string, UnderXid>;

enum class Earlier : bool { kLeaveOut, kRead };  // the array of earlier tokens

// One look-up in the index over xid. XIDs under which nothing stands are not in the result.
Status read_under_xids(const Connections& connections, const Lease& lease, std::span<const Xid> xids, Earlier earlier,
                       const mongoc_read_prefs_t* preference, UnderXids& to, Failure* failure = nullptr);

// What has this _id and yet another xid, so that no look-up by XID shows it, while no transaction can be written under its _id.
Result<std::optional<Error>> look_for_impostor(const Connections& connections, const Lease& lease, const Xid& xid, std::optional<Transaction>* shell = nullptr);

// What can be said of a document whose _id is this XID, and that cannot be read: `earlier` and the token are left empty. nullopt: not even whose it is.
std::optional<Transaction> shell_of(const bson_t& document);

// Our document as a transaction, with the tokens that stand elsewhere; at most `most` of them.
Result<Transaction> assemble(const Connections& connections, const Lease& lease, UnderXid&& under, std::size_t most);

// Rows without a document of ours, as a transaction; nullopt: their phone is none that jwtd can represent.
std::optional<Transaction> assemble_rows(const UnderXid& under, std::size_t most);

}  // namespace jwtd::store
