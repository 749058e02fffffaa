// store/mongodb/contract_test.cc - the contract, against a real server.
#include "store/mongodb/database_for_tests.h"
#include "tests/contract/store_contract.h"
#include "tests/contract/timeline_contract.h"
#include "tests/contract/whole_store_contract.h"
#include "tests/servers/test_server.h"

namespace jwtd::store {
namespace {

class MongodbPlace final : public Place {
 public:
  explicit MongodbPlace(const char* server) : database_(shared_server(server).url) { database_.make_plain_expiry(); }
  std::unique_ptr<Store> open(std::chrono::seconds retention) override { return database_.open(retention); }

 private:
  TestDatabase database_;
};

// Without a server nothing is listed; MongodbServers say so. FerretDB is the second opinion: no TTL, no transactions, updates in two steps.
std::vector<Driver> drivers() {
  std::vector<Driver> drivers;
  for (const char* server : {"mongodb", "ferretdb"}) {
    if (!shared_server(server).url.empty()) drivers.push_back({server, true, [server] { return std::make_unique<MongodbPlace>(server); }});
  }
  return drivers;
}

TEST(MongodbServers, MongodbIsThere) { JWTD_NEEDS_SERVER("mongodb"); }
TEST(MongodbServers, FerretDbIsThere) { JWTD_NEEDS_SERVER("ferretdb"); }

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WholeStore);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TimelineContract);
INSTANTIATE_TEST_SUITE_P(Mongodb, StoreContract, testing::ValuesIn(drivers()), name_of_driver);
INSTANTIATE_TEST_SUITE_P(Mongodb, WholeStore, testing::ValuesIn(drivers()), name_of_driver);
INSTANTIATE_TEST_SUITE_P(Mongodb, TimelineContract, testing::ValuesIn(drivers()), name_of_driver);

}  // namespace
}  // namespace jwtd::store
