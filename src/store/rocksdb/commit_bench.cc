// store/rocksdb/commit_bench.cc - durable commits: records a second, CPU of the whole process a record, tails, and look-ups in what was stored.
//
// A plain program instead of Google Benchmark, because what counts here is the process's CPU with its background threads over minutes:
//   store_rocksdb_bench [name=value ...]   ids=made|given4|given7 batch=64 records=2000000 preload=0 folder=/tmp and the names in Tuning
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/uuid7.h"
#include "jose/claims.h"
#include "store/rocksdb/driver.h"
#include "store/rocksdb/temporary_folder.h"

namespace {

using namespace jwtd;
using namespace jwtd::store;
using Clock = std::chrono::steady_clock;

constexpr UnixMillis kStart = 1'700'000'000'000;
constexpr std::size_t kKeyOctets = 66;  // as TeleSign's

double seconds_of(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6; }

struct Cpu {
  double user, system;
  static Cpu now(int who) {
    rusage usage;
    getrusage(who, &usage);
    return {seconds_of(usage.ru_utime), seconds_of(usage.ru_stime)};
  }
};

class Settings {
 public:
  Settings(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const char* equals = std::strchr(argv[i], '=');
      if (equals != nullptr) values_[std::string(argv[i], static_cast<std::size_t>(equals - argv[i]))] = equals + 1;
    }
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::size_t number(const std::string& name, std::size_t otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : std::stoull(found->second);
  }

 private:
  std::map<std::string, std::string> values_;
};

Tuning tuning_of(const Settings& settings) {
  Tuning tuning;
  tuning.transactions_buffer = settings.number("transactions_buffer", tuning.transactions_buffer >> 20) << 20;
  tuning.phones_buffer = settings.number("phones_buffer", tuning.phones_buffer >> 20) << 20;
  tuning.max_log = settings.number("max_log", tuning.max_log >> 20) << 20;
  tuning.cache = settings.number("cache", tuning.cache >> 20) << 20;
  tuning.ordered_files_to_merge = static_cast<int>(settings.number("ordered_files_to_merge", static_cast<std::size_t>(tuning.ordered_files_to_merge)));
  tuning.merge_width = static_cast<unsigned>(settings.number("merge_width", tuning.merge_width));
  tuning.background_rate = settings.number("background_rate", tuning.background_rate >> 20) << 20;
  tuning.append_phones = settings.number("append_phones", tuning.append_phones) != 0;
  tuning.direct_io = settings.number("direct_io", tuning.direct_io) != 0;
  tuning.jobs = static_cast<int>(settings.number("jobs", static_cast<std::size_t>(tuning.jobs)));
  return tuning;
}

// Makes records as the service would; their making is not in the measured CPU of the committing thread's part.
class Source {
 public:
  explicit Source(std::string ids)
      : ids_(std::move(ids)), key_(*jose::HmacKey::make(jose::Algorithm::kHs256, Secret(std::string(kKeyOctets, 'k')))), signer_(key_.signer()) {}

  void fill(std::vector<Entry>& batch) {
    for (Entry& entry : batch) {
      const UnixMillis now = kStart + static_cast<UnixMillis>(made_++ / 60);  // 60,000 a second
      const Xid xid = ids_ == "given4" ? random_xid() : generator_.next(now);
      const auto phone = Phone::parse(std::to_string(10'000'000'000 + random_() % 89'999'999'999));
      const UnixSeconds iat = now / 1000 - 10;
      Record& record = entry.proposed;
      record = {xid, *phone, jose::issue(signer_, {kIssuer, iat, iat + 90, *phone, xid}), kIssuer, key_.kid(), iat, iat + 90, now};
      entry.xid_is_new = ids_ == "made";
      entry.standing.reset();
    }
  }

 private:
  static constexpr const char* kIssuer = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";

  Xid random_xid() {
    char text[40];
    const std::uint64_t high = random_(), low = random_();
    std::snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%012llx", static_cast<unsigned>(high), static_cast<unsigned>(high >> 32 & 0xffff),
                  static_cast<unsigned>(high >> 48 & 0xfff), static_cast<unsigned>(low & 0xfff), static_cast<unsigned long long>(low >> 16));
    return *Xid::parse(text);
  }

  const std::string ids_;
  jose::HmacKey key_;
  jose::HmacSigner signer_;
  XidGenerator generator_;
  std::mt19937_64 random_{1};
  std::uint64_t made_ = 0;
};

struct Run {
  std::vector<double> micros;  // of each commit
  Cpu thread{0, 0};            // in commit()
  double making = 0;           // CPU of making records
};

void commit_many(Store& store, Source& source, std::size_t records, std::size_t batch_size, Run* run) {
  std::vector<Entry> entries(batch_size, {{*Xid::parse("x"), *Phone::parse("15555551234"), {}, {}, {}, 0, 0, 0}, false, {}, {}});
  std::vector<Entry*> batch;
  for (Entry& entry : entries) batch.push_back(&entry);
  for (std::size_t done = 0; done < records; done += batch_size) {
    const Cpu before_making = Cpu::now(RUSAGE_THREAD);
    source.fill(entries);
    const Cpu before = Cpu::now(RUSAGE_THREAD);
    const auto began = Clock::now();
    const auto status = store.commit(batch);
    const double micros = std::chrono::duration<double, std::micro>(Clock::now() - began).count();
    const Cpu after = Cpu::now(RUSAGE_THREAD);
    if (!status) {
      std::fprintf(stderr, "%s\n", status.error().message().c_str());
      std::exit(1);
    }
    if (run == nullptr) continue;
    run->micros.push_back(micros);
    run->thread.user += after.user - before.user;
    run->thread.system += after.system - before.system;
    run->making += before.user + before.system - before_making.user - before_making.system;
  }
}

void print(Run& run, const Cpu& before, const Cpu& after, std::size_t records, double took) {
  std::sort(run.micros.begin(), run.micros.end());
  const auto quantile = [&](double q) { return run.micros[std::min(run.micros.size() - 1, static_cast<std::size_t>(q * static_cast<double>(run.micros.size())))]; };
  double committing = 0;
  for (const double micros : run.micros) committing += micros;
  const double per = 1e6 / static_cast<double>(records);
  const double total = after.user + after.system - before.user - before.system - run.making;
  std::printf("%9.0f rec/s in commit | CPU us/rec: all %.2f = commit user %.2f + commit sys %.2f + background %.2f | commit us p50 %.0f p99 %.0f p99.9 %.0f max %.0f | wall %.1f s\n",
              static_cast<double>(records) / committing * 1e6, total * per, run.thread.user * per, run.thread.system * per,
              (total - run.thread.user - run.thread.system) * per, quantile(0.5), quantile(0.99), quantile(0.999), run.micros.back(), took);
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings(argc, argv);
  const TemporaryFolder own(std::filesystem::temp_directory_path());  // TMPDIR=/dev/shm shows what the disk adds
  StoreOptions options;
  options.url = "rocksdb://" + settings.text("folder", own.path());
  options.on_event = [](std::string_view event) { std::fprintf(stderr, "%.*s\n", static_cast<int>(event.size()), event.data()); };
  auto opened = open_rocksdb_store_on(options, rocksdb::FileSystem::Default(), tuning_of(settings));
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message().c_str());
    return 1;
  }
  Store& store = **opened;
  Source source(settings.text("ids", "made"));
  const std::size_t preload = settings.number("preload", 0), records = settings.number("records", 2'000'000);
  if (preload != 0) commit_many(store, source, preload, 1024, nullptr);
  Run run;
  const Cpu before = Cpu::now(RUSAGE_SELF);
  const auto began = Clock::now();
  commit_many(store, source, records, settings.number("batch", 64), &run);
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  print(run, before, Cpu::now(RUSAGE_SELF), records, took);

  const auto stats = store.stats();
  const UnixMillis now = kStart + static_cast<UnixMillis>((preload + records) / 60);
  std::vector<double> listing;
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    const auto phone = Phone::parse(std::to_string(10'000'000'000 + random() % 89'999'999'999));
    const auto at = Clock::now();
    if (!store.find_by_phone(*phone, 20, {}, now)) return 1;
    listing.push_back(std::chrono::duration<double, std::micro>(Clock::now() - at).count());
  }
  std::sort(listing.begin(), listing.end());
  std::printf("          %llu transactions, %.0f octets each on disk with the log; find_by_phone us p50 %.0f p99 %.0f\n",
              static_cast<unsigned long long>(stats.transactions), static_cast<double>(stats.bytes) / static_cast<double>(stats.transactions),
              listing[100], listing[197]);
  return 0;
}
