// cli/store_check.cc - `jwtd store check`, and the check before a restore.
#include "cli/store_check.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "base/url.h"
#include "cli/copy_state.h"
#include "cli/progress.h"
#include "cli/store_place.h"

namespace jwtd::cli {
namespace {

using nlohmann::ordered_json;
using store::Transaction;

constexpr std::size_t kSliceTransactions = 1000;

std::string wrong_with(const Transaction& transaction, RecordCheck& records) {
  if (std::string wrong = records.wrong_with(transaction.current); !wrong.empty()) return wrong;
  for (const store::Record& earlier : transaction.earlier) {
    if (earlier.phone != transaction.current.phone) return "an earlier token is another phone's";
    if (const std::string wrong = records.wrong_with(earlier); !wrong.empty()) return "an earlier token: " + wrong;
  }
  if (transaction.issued < transaction.earlier.size() + 1) return "it has more tokens than were issued";
  return wrong_with_events(transaction.events);
}

}  // namespace

Result<CheckFindings> check_store(store::Store& store, RecordCheck& records, const Streams& streams, UnixMillis now) {
  CheckFindings findings;
  std::set<std::pair<std::string, std::string>> known;
  const auto add = [&](std::string where, std::string what) {
    if (findings.damaged.size() < kMaxNamed && !known.emplace(where, what).second) return;
    ++findings.damaged_count;
    if (findings.damaged.size() < kMaxNamed) findings.damaged.push_back({masked(where), std::move(what)});
  };
  Progress progress(streams, "checked", store.stats().transactions);
  std::string cursor;
  do {
    auto slice = store.scan(kSliceTransactions, cursor, now);
    if (!slice) return slice.error();
    for (const auto& damage : slice->damaged) add(damage.where, damage.what);
    for (const Transaction& transaction : slice->transactions) {
      ++findings.transactions;
      findings.tokens += 1 + transaction.earlier.size();
      if (std::string wrong = wrong_with(transaction, records); !wrong.empty()) add(transaction.current.xid.text(), std::move(wrong));
    }
    cursor = std::move(slice->next);
    progress.show(findings.transactions);
  } while (!cursor.empty());
  return findings;
}

int store_check(const StoreCheck& request, const Stores& stores, const Streams& streams, UnixMillis now) {
  auto options = options_of(request.store, "--store", std::chrono::seconds(0), stores, streams.err);
  if (!options) return kExitUsage;
  auto records = RecordCheck::make(request.key_file);
  if (!records) {
    streams.err << "jwtd: " << records.error().message() << '\n';
    return kExitUsage;
  }
  options->make_missing = false;
  auto store = stores.open(*options);
  if (!store) return fail_with(store.error(), streams.err);
  const auto findings = check_store(**store, *records, streams, now);
  if (!findings) return fail_with(findings.error(), streams.err);
  const bool ok = findings->damaged_count == 0;
  if (request.json) {
    ordered_json damaged = ordered_json::array();
    for (const auto& one : findings->damaged) damaged.push_back({{"where", one.where}, {"what", one.what}});
    streams.out << ordered_json{{"ok", ok}, {"transactions", findings->transactions}, {"tokens", findings->tokens}, {"signatures", records->signatures()},
                                {"other_keys", records->other_keys()}, {"damaged", damaged}, {"damaged_count", findings->damaged_count}}
                       .dump(-1, ' ', true, ordered_json::error_handler_t::replace) << '\n';
  } else {
    for (const auto& one : findings->damaged) streams.out << "damaged: " << one.where << ": " << one.what << '\n';
    streams.out << findings->transactions << " transactions with " << findings->tokens << " tokens are readable";
    if (!request.key_file.empty()) streams.out << ", " << records->signatures() << " signatures verified, " << records->other_keys() << " of other keys";
    if (ok) streams.out << "; nothing is damaged\n";
    else streams.out << "; " << findings->damaged_count << " things are damaged\n";
  }
  streams.out.flush();
  return ok ? kExitOk : kExitFailed;
}

}  // namespace jwtd::cli
