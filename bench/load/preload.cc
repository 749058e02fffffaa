// preload.cc - puts many transactions into a RocksDB store through the store's own interface, as a service of some weeks' age would have them.
//
// Batches of 1000 through Store::commit(), times spread evenly over the last twenty days so that none is past its retention, every token
// really signed. Phones repeat ten times each. Run it while no jwtd has the folder.
// Usage: preload FOLDER COUNT API_KEY_FILE CUSTOMER_ID
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "base/uuid7.h"
#include "jose/claims.h"
#include "keys/api_key.h"
#include "store/rocksdb/rocksdb_store.h"
#include "store/store.h"

namespace {

using namespace jwtd;

constexpr std::uint64_t kBatch = 1000;
constexpr UnixMillis kSpan = 20LL * 86'400'000;  // below the default retention of 30 days
constexpr UnixSeconds kLifetime = 90;
constexpr std::uint64_t kTokensPerPhone = 10;

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "preload: %s\n", why.c_str());
  std::exit(1);
}

store::Entry make_entry(std::uint64_t i, std::uint64_t count, UnixMillis now, XidGenerator& xids, jose::HmacSigner& signer,
                        const std::string& iss, const std::string& kid) {
  const double share = static_cast<double>(i) / static_cast<double>(count);
  const UnixMillis at = now - kSpan + static_cast<UnixMillis>(static_cast<double>(kSpan) * share);
  const auto phone = Phone::parse(std::to_string(15'550'000'000 + (i * 7919) % (count / kTokensPerPhone + 1)));
  if (!phone) stop(phone.error().message());
  const Xid xid = xids.next(at);
  const UnixSeconds iat = at / 1000 - 10;
  const UnixSeconds exp = iat + kLifetime;
  std::string token = jose::issue(signer, {.iss = iss, .iat = iat, .exp = exp, .phn = *phone, .xid = xid});
  return {.proposed = {xid, *phone, std::move(token), iss, kid, iat, exp, at}, .xid_is_new = true, .outcome = {}, .standing = {}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) stop("usage: preload FOLDER COUNT API_KEY_FILE CUSTOMER_ID");
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  const auto key = keys::load_api_key(argv[3], jose::Algorithm::kHs256);
  if (!key) stop(key.error().message());
  store::StoreOptions options;
  options.url = std::string("rocksdb://") + argv[1];
  auto store = store::open_rocksdb_store(options);
  if (!store) stop(store.error().message());
  auto signer = key->signer();
  XidGenerator xids;
  const UnixMillis now = wall_now();
  std::vector<store::Entry> entries;
  std::vector<store::Entry*> batch;
  for (std::uint64_t i = 0; i < count; i += kBatch) {
    entries.clear();
    batch.clear();
    for (std::uint64_t j = i; j < std::min(i + kBatch, count); ++j)
      entries.push_back(make_entry(j, count, now, xids, signer, argv[4], key->kid()));
    for (auto& entry : entries) batch.push_back(&entry);
    if (const auto done = (*store)->commit(batch); !done) stop(done.error().message());
    for (const auto& entry : entries)
      if (entry.outcome != store::Outcome::kInserted) stop("a transaction was there already");
  }
  const auto stats = (*store)->stats();
  std::printf("OUTCOME {\"transactions\":%llu,\"bytes\":%llu}\n", static_cast<unsigned long long>(stats.transactions),
              static_cast<unsigned long long>(stats.bytes));
}
