// store/mongodb/commit_bench.cc - durable documents a second on a real server, by the size of a batch and the batches in flight.
//
//   store_mongodb_bench url=mongodb://127.0.0.1:27017/bench [batch=64 threads=1 seconds=3 ids=new|given]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/uuid7.h"
#include "store/mongodb/mongodb_store.h"

namespace {

using namespace jwtd;
using namespace jwtd::store;

constexpr UnixSeconds kLife = 90;

std::string setting(int argc, char** argv, const std::string& name, const std::string& otherwise) {
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], (name + "=").c_str(), name.size() + 1) == 0) return argv[i] + name.size() + 1;
  }
  return otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  StoreOptions options;
  options.url = setting(argc, argv, "url", "mongodb://127.0.0.1:27017/jwtd_bench");
  const std::size_t batch_size = std::stoul(setting(argc, argv, "batch", "64"));
  const std::size_t threads = std::stoul(setting(argc, argv, "threads", "1"));
  const auto time = std::chrono::seconds(std::stol(setting(argc, argv, "seconds", "3")));
  const bool is_new = setting(argc, argv, "ids", "new") == "new";
  options.connections = threads + 2;
  auto opened = open_mongodb_store(options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message().c_str());
    return 1;
  }
  Store& store = **opened;
  std::atomic<std::uint64_t> written{0};
  std::atomic<bool> failed{false};
  std::vector<std::thread> workers;
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      XidGenerator xids;
      const std::string token(300, 't');
      std::uint64_t number = t * 1'000'000'007;
      while (!failed && std::chrono::steady_clock::now() - began < time) {
        const UnixMillis now = wall_now();
        std::vector<Entry> entries;
        std::vector<Entry*> batch;
        for (std::size_t i = 0; i < batch_size; ++i) {
          const Phone phone = *Phone::unpack(10'000'000'000 + ++number * 7919 % 1'000'000'000);
          entries.push_back({Record{xids.next(now), phone, token, "FFFFFFFF-EEEE-DDDD-1234-AB1234567890", "k1", now / 1000, now / 1000 + kLife, now},
                             is_new, Outcome::kConflict, {}});
        }
        for (Entry& entry : entries) batch.push_back(&entry);
        if (const Status status = store.commit(batch); !status) {
          std::fprintf(stderr, "%s\n", status.error().message().c_str());
          failed = true;
          return;
        }
        written += batch_size;
      }
    });
  }
  for (auto& worker : workers) worker.join();
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("batch %4zu  threads %zu  ids %s  %8.0f documents/s  %7.0f batches/s\n", batch_size, threads, is_new ? "new" : "given",
              static_cast<double>(written) / took, static_cast<double>(written) / took / static_cast<double>(batch_size));
  return failed ? 1 : 0;
}
