// store/postgres/postgres_store_test.cc - the contract for the PostgreSQL driver, against a real server.
#include "store/postgres/postgres_store.h"

#include "store/postgres/place_for_tests.h"
#include "tests/contract/store_contract.h"

namespace jwtd::store {
namespace {

class PostgresPlace final : public Place {
 public:
  PostgresPlace() { postgres::empty_database(); }
  std::unique_ptr<Store> open(std::chrono::seconds retention) override {
    StoreOptions options = postgres::options_for(postgres::database_url());
    options.retention = retention;
    auto store = open_postgres_store(options);
    EXPECT_TRUE(store) << store.error().message();
    return store ? *std::move(store) : nullptr;
  }
};

std::vector<Driver> drivers() {
  // Without a server nothing is listed; PostgresServer.IsThere says so.
  if (shared_server("postgresql").url.empty()) return {};
  return {Driver{"postgresql", true, [] { return std::make_unique<PostgresPlace>(); }}};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);
INSTANTIATE_TEST_SUITE_P(Postgresql, StoreContract, testing::ValuesIn(drivers()), name_of_driver);

TEST(PostgresServer, IsThere) { JWTD_NEEDS_SERVER("postgresql"); }

}  // namespace
}  // namespace jwtd::store
