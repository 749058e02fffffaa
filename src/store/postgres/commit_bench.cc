// store/postgres/commit_bench.cc - durable commits to a real server: records a second by batch and by commits at once, beside pgbench (run it yourself).
//
//   store_postgres_bench url=postgresql://... [ids=made|given] [seconds=3] [threads=1] [batch=0: 1, 16, 64 and 256]
// The schema jwtd of that database is made when it is not there; what it holds stays.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/uuid7.h"
#include "store/postgres/postgres_store.h"

namespace {

using namespace jwtd;
using namespace jwtd::store;

constexpr std::size_t kTokenOctets = 290;  // as a token of jwtd's

std::map<std::string, std::string> settings(int argc, char** argv) {
  std::map<std::string, std::string> out{{"ids", "made"}, {"seconds", "3"}, {"threads", "1"}, {"batch", "0"}};
  for (int i = 1; i < argc; ++i) {
    if (const char* equals = std::strchr(argv[i], '=')) out[std::string(argv[i], static_cast<std::size_t>(equals - argv[i]))] = equals + 1;
  }
  return out;
}

// One thread's records a second.
void commit_until(Monotonic::time_point end, Store& store, std::size_t batch_size, bool made, std::atomic<std::uint64_t>& records) {
  XidGenerator xids;
  std::mt19937_64 random(std::random_device{}());
  while (Monotonic::now() < end) {
    std::vector<Entry> entries;
    const UnixMillis now = wall_now();
    for (std::size_t i = 0; i < batch_size; ++i) {
      const Phone phone = *Phone::unpack(10'000'000'000 + random() % 10'000'000'000);
      std::string token(kTokenOctets, 'a');
      for (char& c : token) c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random() & 63];
      entries.push_back({{xids.next(now), phone, std::move(token), "FFFFFFFF-EEEE-DDDD-1234-AB1234567890", "bench", now / 1000 - 10, now / 1000 + 80, now},
                         made, Outcome::kConflict, std::nullopt});
    }
    std::vector<Entry*> batch;
    for (Entry& entry : entries) batch.push_back(&entry);
    const Status status = store.commit(batch);
    if (!status) {
      std::fprintf(stderr, "%s\n", status.error().message().c_str());
      std::exit(1);
    }
    records += batch_size;
  }
}

}  // namespace

int main(int argc, char** argv) {
  auto given = settings(argc, argv);
  StoreOptions options;
  options.url = given["url"];
  options.migrate = true;
  options.timeout = std::chrono::seconds(30);
  const std::size_t threads = std::stoull(given["threads"]);
  options.connections = 2 * threads;
  auto store = open_postgres_store(options);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message().c_str());
    return 1;
  }
  const std::size_t only = std::stoull(given["batch"]);
  for (const std::size_t batch : only ? std::vector<std::size_t>{only} : std::vector<std::size_t>{1, 16, 64, 256}) {
    std::atomic<std::uint64_t> records{0};
    const auto started = Monotonic::now();
    std::vector<std::thread> running;
    for (std::size_t t = 0; t < threads; ++t) {
      running.emplace_back(
          [&] { commit_until(started + std::chrono::seconds(std::stoi(given["seconds"])), **store, batch, given["ids"] == "made", records); });
    }
    for (std::thread& thread : running) thread.join();
    const double took = std::chrono::duration<double>(Monotonic::now() - started).count();
    std::printf("ids=%s threads=%zu batch=%4zu  %9.0f records/s  %8.2f ms a commit\n", given["ids"].c_str(), threads, batch, static_cast<double>(records) / took,
                took * 1e3 * static_cast<double>(threads) * static_cast<double>(batch) / static_cast<double>(records));
    std::fflush(stdout);
  }
}
