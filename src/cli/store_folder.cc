// cli/store_folder.cc - `jwtd store stats|backup|restore|migrate`: the verbs that look at a store as one thing.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/url.h"
#include "cli/store_check.h"
#include "cli/store_place.h"
#include "store/record_times.h"

namespace jwtd::cli {
namespace {

using nlohmann::ordered_json;

constexpr auto kForEver = std::chrono::seconds(0);

std::string size_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {" B", " KiB", " MiB", " GiB", " TiB"};
  std::size_t unit = 0;
  for (; bytes >= 10 * 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return std::to_string(bytes) + kUnits[unit];
}

ordered_json time_of(const std::optional<store::RecordTimes>& times, UnixMillis store::RecordTimes::*which) {
  return times ? ordered_json(format_rfc3339((*times).*which, true)) : ordered_json();
}

void print_copied(const store::Copied& copied, bool json, const Streams& streams) {
  if (json) {
    streams.out << ordered_json{{"transactions", copied.transactions}, {"bytes", copied.bytes}, {"linked", copied.linked}}.dump() << '\n' << std::flush;
    return;
  }
  streams.out << "about " << copied.transactions << " transactions, " << size_text(copied.bytes);
  if (copied.linked > 0) streams.out << "; " << copied.linked << " files take no space of their own while the store has them too";
  streams.out << '\n' << std::flush;
}

}  // namespace

int store_stats(const StoreStats& request, const Stores& stores, const Streams& streams) {
  auto options = options_of(request.store, "--store", kForEver, stores, streams.err);
  if (!options) return kExitUsage;
  options->make_missing = false;
  auto store = stores.open(*options);
  if (!store) return fail_with(store.error(), streams.err);
  const store::Stats stats = (*store)->stats();
  const std::string driver((*store)->driver()), url = without_password(options->url);
  std::optional<store::RecordTimes> times;
  if (auto* telling = dynamic_cast<store::TellsRecordTimes*>(store->get())) {
    auto told = telling->record_times();
    if (!told) return fail_with(told.error(), streams.err);
    times = *told;
  }
  if (request.json) {
    streams.out << ordered_json{{"driver", driver}, {"url", url}, {"transactions", stats.transactions}, {"bytes", stats.bytes},
                                {"oldest", time_of(times, &store::RecordTimes::oldest)}, {"newest", time_of(times, &store::RecordTimes::newest)}}.dump(
                       -1, ' ', true, ordered_json::error_handler_t::replace)
                << '\n';
  } else {
    streams.out << "driver        " << driver << "\nstore         " << url << "\ntransactions  about " << stats.transactions << "\non disk       " << size_text(stats.bytes) << '\n';
    if (times) streams.out << "oldest        " << format_rfc3339(times->oldest) << "\nnewest        " << format_rfc3339(times->newest) << '\n';
  }
  streams.out.flush();
  return kExitOk;
}

int store_backup(const StoreBackup& request, const Stores& stores, const Streams& streams) {
  const auto options = options_of(request.store, "--store", kForEver, stores, streams.err);
  if (!options) return kExitUsage;
  const auto copied = stores.backup(options->url, request.to);
  if (!copied) return fail_with(copied.error(), streams.err);
  print_copied(*copied, request.json, streams);
  return kExitOk;
}

int store_restore(const StoreRestore& request, const Stores& stores, const Streams& streams, UnixMillis now) {
  const std::string url = is_store_url(request.to) ? request.to : "rocksdb://" + std::filesystem::absolute(request.to).lexically_normal().string();
  std::vector<store::Slice::Damage> damaged;
  const auto copied = stores.restore(request.from, url, [&](store::Store& store) -> Status {
    auto records = RecordCheck::make({});
    if (!records) return records.error();
    auto findings = check_store(store, *records, streams, now);
    if (!findings) return findings.error();
    damaged = std::move(findings->damaged);
    if (findings->damaged_count == 0) return {};
    return Error(store::kStoreDamaged, "the backup has " + std::to_string(findings->damaged_count) +
                                           " damaged parts, so nothing was restored; jwtd store copy moves all that is sound into another store");
  });
  if (!copied) {
    for (const auto& one : damaged) streams.err << "damaged: " << one.where << ": " << one.what << '\n';
    return fail_with(copied.error(), streams.err);
  }
  print_copied(*copied, request.json, streams);
  return kExitOk;
}

int store_migrate(const StoreMigrate& request, const Stores& stores, const Streams& streams) {
  auto options = options_of(request.store, "--store", config::Store().retention, stores, streams.err);
  if (!options) return kExitUsage;
  std::vector<std::string> done;
  std::string driver = options->url.substr(0, options->url.find(':'));
  if (stores.has_schema(options->url)) {
    options->migrate = true;
    options->on_event = [&](std::string_view event) { done.emplace_back(event); };
    auto store = stores.open(*options);
    if (!store) return fail_with(store.error(), streams.err);
    driver = (*store)->driver();
  }
  if (request.json) {
    streams.out << ordered_json{{"driver", driver}, {"done", done}}.dump(-1, ' ', true, ordered_json::error_handler_t::replace) << '\n';
  } else {
    for (const std::string& what : done) streams.out << what << '\n';
    if (!stores.has_schema(options->url)) streams.out << "there is nothing to migrate: " << driver << " has no schema\n";
    else if (done.empty()) streams.out << "the schema is this jwtd's: there was nothing to do\n";
  }
  streams.out.flush();
  return kExitOk;
}

}  // namespace jwtd::cli
