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
  MongodbPlace() : database_(shared_server("mongodb").url) { database_.make_plain_expiry(); }
  std::unique_ptr<Store> open(std::chrono::seconds retention) override { return database_.open(retention); }

 private:
  TestDatabase database_;
};

const Driver kDriver{"mongodb", true, [] { return std::make_unique<MongodbPlace>(); }};

INSTANTIATE_TEST_SUITE_P(Mongodb, StoreContract, testing::Values(kDriver), name_of_driver);
INSTANTIATE_TEST_SUITE_P(Mongodb, WholeStore, testing::Values(kDriver), name_of_driver);
INSTANTIATE_TEST_SUITE_P(Mongodb, TimelineContract, testing::Values(kDriver), name_of_driver);

}  // namespace
}  // namespace jwtd::store
