// cli/store_test.cc - the store verbs over real stores: what they print where, with which exit code, and what stands in the stores afterwards.
#include "cli/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/run_for_tests.h"
#include "jose/claims.h"
#include "store/memory/memory_store.h"
#include "store/note_kinds.h"
#include "store/rocksdb/backup.h"
#include "store/rocksdb/rocksdb_store.h"

namespace jwtd::cli {
namespace {

using nlohmann::json;
using store::Record;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr UnixSeconds kIat = 1'500'000'000;
constexpr Code kNoStoreUrl{"test_no_store_url", Fault::kInvalidArgument, "This is no store's URL"};
const std::string kKeyText = std::string(80, 'A') + "\n";  // 60 octets of zeros

// Keeps "memory:" stores open between verbs, as a database would.
class KeptStore final : public store::Store {
 public:
  explicit KeptStore(store::Store& kept, std::int64_t& slices_left) : kept_(kept), slices_left_(slices_left) {}
  Status commit(std::span<store::Entry* const> batch) override { return kept_.commit(batch); }
  Status apply(std::span<store::Change* const> batch) override { return kept_.apply(batch); }
  Result<std::optional<std::string>> note(const store::NoteName& name, UnixMillis now) override { return kept_.note(name, now); }
  Result<std::vector<store::Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override { return kept_.notes(kind, after, limit, now); }
  Result<std::optional<store::Transaction>> find(const Xid& xid, UnixMillis now) override { return kept_.find(xid, now); }
  Result<store::Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override { return kept_.find_by_phone(phone, limit, cursor, now); }
  Status writable() override { return kept_.writable(); }
  Status sweep(UnixMillis now) override { return kept_.sweep(now); }
  Result<store::Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override {
    if (slices_left_-- <= 0) return Error(store::kStoreUnavailable, "test: gone");
    return kept_.scan(limit, cursor, now);
  }
  Result<store::Adopted> adopt(std::span<const store::Transaction> transactions) override { return kept_.adopt(transactions); }
  store::Stats stats() override { return kept_.stats(); }
  std::string_view driver() const override { return "kept"; }

 private:
  store::Store& kept_;
  std::int64_t& slices_left_;
};

class StoreVerbs : public testing::Test {
 protected:
  StoreVerbs() {
    stores_.options = [this](const config::Store& settings) -> Result<store::StoreOptions> {
      asked_ = settings;
      store::StoreOptions options;
      options.url = settings.url;
      options.retention = settings.retention;
      return options;
    };
    stores_.open = [this](const store::StoreOptions& options) -> Result<std::unique_ptr<store::Store>> {
      if (options.url.starts_with("rocksdb://")) return store::open_rocksdb_store(options);
      if (options.migrate) options.on_event("made the tables");
      if (!options.url.starts_with("kept://")) return Error(kNoStoreUrl);
      auto& kept = kept_[options.url];
      if (!kept) kept = store::open_memory_store(options);
      return std::unique_ptr<store::Store>(std::make_unique<KeptStore>(*kept, slices_left_));
    };
    stores_.backup = [](const std::string& from, const std::string& to) { return store::backup_rocksdb_store(from, to); };
    stores_.restore = store::restore_rocksdb_store;
    stores_.has_schema = [](std::string_view url) { return url.starts_with("kept://"); };
    state_ = folder_ / "state.json";
  }

  Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "store");
    return run_jwtd(std::move(arguments), "", kExitOk, stores_);
  }
  Outcome copy(const std::string& from, const std::string& to, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"copy", "--from", from, "--to", to, "--state", state_});
    return run(std::move(more));
  }

  std::string url(const std::string& name) const { return "rocksdb://" + (folder_ / name); }

  static Record record(const std::string& xid, UnixMillis at, const char* phone = "15555551234") {
    const auto key = *jose::HmacKey::make(jose::Algorithm::kHs256, Secret(std::string(60, '\0')));
    jose::HmacSigner signer = key.signer();
    const UnixSeconds iat = at / 1000 - 10;
    const jose::Claims claims{"C-1", iat, iat + 90, *Phone::parse(phone), *Xid::parse(xid)};
    return {claims.xid, claims.phn, jose::issue(signer, claims), "C-1", key.kid(), iat, iat + 90, at};
  }

  void commit(const std::string& url, std::vector<Record> records) {
    store::StoreOptions options;
    options.url = url;
    options.retention = std::chrono::seconds(0);
    auto opened = stores_.open(options);
    ASSERT_TRUE(opened) << opened.error().message();
    for (Record& record : records) {
      store::Entry entry{std::move(record), false, {}, {}};
      store::Entry* batch[] = {&entry};
      ASSERT_TRUE((*opened)->commit(batch));
    }
  }

  void fill(const std::string& url, int count) {
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) records.push_back(record("x" + std::to_string(i), wall_now() - 1000 + i % 7));
    commit(url, std::move(records));
  }

  TemporaryFolder folder_;
  Stores stores_;
  std::map<std::string, std::unique_ptr<store::Store>> kept_;
  std::int64_t slices_left_ = 1'000'000;  // of kept:// stores, then they are gone
  config::Store asked_;
  std::string state_;
};

// -- copy -------------------------------------------------------------------------------------------------------------

TEST_F(StoreVerbs, CopyMovesEverythingAndComparesIt) {
  fill("kept://a", 1234);
  const Outcome done = copy("kept://a", url("b"), {"-o", "json"});
  ASSERT_EQ(done.code, kExitOk) << done.err;
  const json report = json::parse(done.out);
  EXPECT_TRUE(report["ok"]);
  EXPECT_EQ(report["transactions"], 1234);
  EXPECT_EQ(report["written"], 1234);
  EXPECT_EQ(report["found"], 1234);
  EXPECT_EQ(report["compared"], 2000);
  EXPECT_EQ(report["wrong"], json::array());
  EXPECT_FALSE(std::filesystem::exists(state_));
}

TEST_F(StoreVerbs, CopyTakesEventsAndNotesOfEveryKind) {
  fill("kept://a", 3);
  const UnixMillis now = wall_now();
  const store::Event event{store::Event::Type::kRevoked, now, "revoked", R"({"by":"ops"})"};
  store::Change change{*Xid::parse("x1"), event, false, {}, {}, {}, {}};
  for (const std::string_view kind : store::kNoteKinds) {
    for (int i = 0; i < 250; ++i) change.put.push_back({std::string(kind), "n" + std::to_string(i), std::string(kind), i == 0 ? now + 60'000 : 0});
  }
  store::Change* batch[] = {&change};
  ASSERT_TRUE(kept_["kept://a"]->apply(batch));
  const Outcome done = copy("kept://a", "kept://b", {"-o", "json"});
  ASSERT_EQ(done.code, kExitOk) << done.err;
  EXPECT_EQ(json::parse(done.out)["notes_written"], 250 * store::kNoteKinds.size());
  store::Store& target = *kept_["kept://b"];
  EXPECT_EQ((*target.find(*Xid::parse("x1"), now))->events, std::vector<store::Event>{event});
  for (const std::string_view kind : store::kNoteKinds) EXPECT_EQ(*target.notes(kind, {}, 1000, now), *kept_["kept://a"]->notes(kind, {}, 1000, now));

  const Outcome again = copy("kept://a", "kept://b", {"-o", "json"});
  EXPECT_EQ(again.code, kExitOk);
  EXPECT_EQ(json::parse(again.out)["notes_written"], 0);

  store::Change other{std::nullopt, std::nullopt, false, {{"outbox", "n7", "the target's own", 0}}, {}, {}, {}};
  batch[0] = &other;
  ASSERT_TRUE(target.apply(batch));
  const Outcome third = copy("kept://a", "kept://b");
  EXPECT_EQ(third.code, kExitFailed);
  EXPECT_THAT(third.out, HasSubstr("other notes   1,"));
  EXPECT_EQ(*target.note({"outbox", "n7"}, now), "the target's own");
}

TEST_F(StoreVerbs, ACopyWhoseEventsAreNotTheSourcesFails) {
  fill("kept://a", 3);
  ASSERT_EQ(copy("kept://a", "kept://b").code, kExitOk);
  store::Change change{*Xid::parse("x1"), store::Event{store::Event::Type::kCallback, wall_now(), "k", ""}, false, {}, {}, {}, {}};
  store::Change* batch[] = {&change};
  ASSERT_TRUE(kept_["kept://a"]->apply(batch));
  const Outcome done = copy("kept://a", "kept://b");
  EXPECT_EQ(done.code, kExitFailed);
  EXPECT_THAT(done.err, HasSubstr("not the same in both: x1"));
}

TEST_F(StoreVerbs, ACopyThatBrokeOffGoesOnWhereItWas) {
  fill("kept://a", 3000);
  slices_left_ = 3;
  const Outcome broken = copy("kept://a", "kept://b");
  EXPECT_EQ(broken.code, kExitFailed);
  EXPECT_THAT(broken.err, HasSubstr("goes on from here"));
  slices_left_ = 1'000'000;
  const Outcome done = copy("kept://a", "kept://b", {"-o", "json"});
  ASSERT_EQ(done.code, kExitOk) << done.err;
  EXPECT_THAT(done.err, HasSubstr("goes on after"));
  const json report = json::parse(done.out);
  EXPECT_EQ(report["transactions"], 3000);
  EXPECT_EQ(report["written"].get<int>() + report["present"].get<int>(), 3000);
  EXPECT_EQ(report["found"], 3000);
}

TEST_F(StoreVerbs, ACopyThatIsDoneMayBeMadeAgain) {
  fill("kept://a", 100);
  ASSERT_EQ(copy("kept://a", "kept://b").code, kExitOk);
  const Outcome again = copy("kept://a", "kept://b", {"-o", "json"});
  ASSERT_EQ(again.code, kExitOk);
  EXPECT_EQ(json::parse(again.out)["written"], 0);
  EXPECT_EQ(json::parse(again.out)["present"], 100);
}

TEST_F(StoreVerbs, AStateOfAnotherCopyIsNotUsed) {
  fill("kept://a", 3000);
  slices_left_ = 1;
  copy("kept://a", "kept://b");
  slices_left_ = 100;
  const Outcome other = copy("kept://a", "kept://c");
  EXPECT_EQ(other.code, kExitUsage);
  EXPECT_THAT(other.err, HasSubstr("a copy from kept://a to kept://b"));
  folder_.write("junk.json", "{}");
  EXPECT_EQ(run({"copy", "--from", "kept://a", "--to", "kept://c", "--state", folder_ / "junk.json"}).code, kExitUsage);
}

TEST_F(StoreVerbs, WhatStandsInTheTargetWithSomethingElseFailsTheCopy) {
  fill("kept://a", 10);
  commit("kept://b", {record("x3", wall_now(), "15555559999"), record("own", wall_now())});
  const Outcome done = copy("kept://a", "kept://b", {"-o", "json"});
  EXPECT_EQ(done.code, kExitFailed);
  const json report = json::parse(done.out);
  EXPECT_FALSE(report["ok"]);
  EXPECT_EQ(report["different"], 1);
  EXPECT_EQ(report["written"], 9);
  EXPECT_THAT(report["wrong"].get<std::vector<std::string>>(), testing::Each("x3"));
  EXPECT_THAT(done.out + done.err, Not(HasSubstr("5555")));
}

TEST_F(StoreVerbs, WhatIsPastTheTargetsRetentionStaysBehind) {
  commit("kept://a", {record("old", wall_now() - 40LL * 86'400'000), record("new", wall_now())});
  const json report = json::parse(copy("kept://a", "kept://b", {"-o", "json"}).out);
  EXPECT_TRUE(report["ok"]);
  EXPECT_EQ(report["written"], 1);
  EXPECT_EQ(report["expired"], 1);
  const json all = json::parse(copy("kept://a", url("c"), {"-o", "json", "--retention", "0s"}).out);
  EXPECT_EQ(all["written"], 2);
  EXPECT_EQ(copy("kept://a", "kept://b", {"--retention", "soon"}).code, kExitUsage);
}

TEST_F(StoreVerbs, APasswordInAUrlIsRefusedAndNotRepeated) {
  const Outcome refused = copy("mongodb://user:hunter2@db/jwt_db", "kept://b");
  EXPECT_EQ(refused.code, kExitUsage);
  EXPECT_THAT(refused.err, HasSubstr("--from holds a password"));
  EXPECT_THAT(refused.err + refused.out, Not(HasSubstr("hunter2")));
  EXPECT_EQ(run({"stats", "--store", "postgresql://u:hunter2@db/x"}).code, kExitUsage);
  EXPECT_EQ(run({"stats", "--store", "kept://a", "--password-file", "/etc/secret"}).code, kExitOk);
  EXPECT_EQ(asked_.password_file, "/etc/secret");
}

TEST_F(StoreVerbs, AConfigurationMayNameAStore) {
  const std::string config = folder_.write("jwtd.toml", "[issuer]\ncustomer_id = \"C-1\"\napi_key_file = \"/etc/key\"\n[store]\nurl = \"memory:\"\nretention = \"7d\"\n");
  fill("kept://a", 5);
  copy("kept://a", config);
  EXPECT_EQ(asked_.url, "memory:");
  EXPECT_EQ(asked_.retention, std::chrono::hours(7 * 24));
  const std::string wrong = folder_.write("wrong.toml", "[store]\nretention = 7\n");
  const Outcome refused = copy(wrong, "kept://b");
  EXPECT_EQ(refused.code, kExitUsage);
  EXPECT_THAT(refused.err, HasSubstr("wrong.toml:2"));
}

TEST_F(StoreVerbs, WrongUsageIsSaid) {
  EXPECT_EQ(copy("kept://a", "kept://a").code, kExitUsage);
  EXPECT_EQ(copy("nonsense://a", "kept://a").code, kExitUsage);
  EXPECT_EQ(run({"copy", "--from", "kept://a"}).code, kExitUsage);
  EXPECT_EQ(run({"stats"}).code, kExitUsage);
  EXPECT_EQ(run({}).code, kExitUsage);
  EXPECT_THAT(run({"chekc"}).err, HasSubstr("did you mean check"));
  EXPECT_EQ(copy(url("nothing"), "kept://b").code, kExitFailed);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "nothing"));
}

// -- the others -------------------------------------------------------------------------------------------------------

TEST_F(StoreVerbs, StatsSayHowMuchThereIs) {
  fill(url("a"), 50);
  const json stats = json::parse(run({"stats", "--store", url("a"), "-o", "json"}).out);
  EXPECT_EQ(stats["driver"], "rocksdb");
  EXPECT_EQ(stats["url"], url("a"));
  EXPECT_EQ(stats["transactions"], 50);
  EXPECT_GT(stats["bytes"], 1000);
  EXPECT_THAT(run({"stats", "--store", url("a")}).out, HasSubstr("about 50"));
  EXPECT_EQ(run({"stats", "--store", url("b")}).code, kExitFailed);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "b"));
}

TEST_F(StoreVerbs, CheckFindsNothingInASoundStore) {
  const std::string key = folder_.write("key", kKeyText);
  commit(url("a"), {record("a", kIat * 1000), record("a", kIat * 1000 + 60'000), record("b", kIat * 1000)});
  const Outcome done = run({"check", "--store", url("a"), "--key", key, "-o", "json"});
  ASSERT_EQ(done.code, kExitOk) << done.err << done.out;
  const json report = json::parse(done.out);
  EXPECT_TRUE(report["ok"]);
  EXPECT_EQ(report["transactions"], 2);
  EXPECT_EQ(report["tokens"], 3);
  EXPECT_EQ(report["signatures"], 3);
  EXPECT_THAT(run({"check", "--store", url("a")}).out, HasSubstr("nothing is damaged"));
  EXPECT_EQ(run({"check", "--store", url("a"), "--key", folder_ / "none"}).code, kExitUsage);
}

TEST_F(StoreVerbs, CheckNamesRecordsWhoseTokenSaysSomethingElse) {
  Record wrong = record("wrong", kIat * 1000), number = record("15551230000", kIat * 1000), other = record("other", kIat * 1000);
  wrong.token = record("right", kIat * 1000).token;
  number.token = "nonsense";
  other.kid = "another key";
  commit("kept://a", {record("sound", kIat * 1000), wrong, number, other});
  const Outcome done = run({"check", "--store", "kept://a", "--key", folder_.write("key", kKeyText), "-o", "json"});
  EXPECT_EQ(done.code, kExitFailed);
  const json report = json::parse(done.out);
  EXPECT_EQ(report["damaged_count"], 2);
  EXPECT_EQ(report["damaged"][0]["where"], "*******0000");
  EXPECT_EQ(report["damaged"][1]["where"], "wrong");
  EXPECT_THAT(report["damaged"][1]["what"], HasSubstr("xid"));
  EXPECT_EQ(report["other_keys"], 1);
  EXPECT_THAT(done.out, Not(HasSubstr("15551230000")));
}

TEST_F(StoreVerbs, CheckWithTheKeyFindsAForgedSignature) {
  Record forged = record("forged", kIat * 1000);
  forged.token[forged.token.size() - 20] = forged.token[forged.token.size() - 20] == 'A' ? 'B' : 'A';
  commit("kept://a", {forged});
  EXPECT_EQ(run({"check", "--store", "kept://a"}).code, kExitOk);
  const Outcome done = run({"check", "--store", "kept://a", "--key", folder_.write("key", kKeyText)});
  EXPECT_EQ(done.code, kExitFailed);
  EXPECT_THAT(done.out, HasSubstr("forged: its token's signature does not match"));
}

TEST_F(StoreVerbs, ABackupIsRestoredIntoANewFolder) {
  fill(url("a"), 100);
  ASSERT_EQ(run({"backup", "--store", url("a"), "--to", folder_ / "backup"}).code, kExitOk);
  const Outcome done = run({"restore", "--from", folder_ / "backup", "--to", folder_ / "b", "-o", "json"});
  ASSERT_EQ(done.code, kExitOk) << done.err;
  EXPECT_EQ(json::parse(done.out)["transactions"], 100);
  EXPECT_EQ(json::parse(run({"check", "--store", url("b"), "-o", "json"}).out)["transactions"], 100);
  EXPECT_EQ(run({"backup", "--store", url("a"), "--to", folder_ / "backup"}).code, kExitFailed);
  EXPECT_EQ(run({"restore", "--from", folder_ / "backup", "--to", url("a")}).code, kExitFailed);
  EXPECT_EQ(run({"restore", "--from", folder_ / "nothing", "--to", folder_ / "c"}).code, kExitFailed);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "c"));
}

TEST_F(StoreVerbs, ABackupWithADamagedRecordIsNotRestored) {
  Record wrong = record("wrong", kIat * 1000);
  wrong.token = "nonsense";
  commit(url("a"), {record("sound", kIat * 1000), wrong});
  ASSERT_EQ(run({"backup", "--store", url("a"), "--to", folder_ / "backup"}).code, kExitOk);
  const Outcome done = run({"restore", "--from", folder_ / "backup", "--to", folder_ / "b"});
  EXPECT_EQ(done.code, kExitFailed);
  EXPECT_THAT(done.err, HasSubstr("damaged: wrong: "));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "b"));
}

TEST_F(StoreVerbs, MigrateSaysWhatWasDone) {
  EXPECT_THAT(run({"migrate", "--store", "kept://a"}).out, HasSubstr("made the tables"));
  const Outcome nothing = run({"migrate", "--store", url("a"), "-o", "json"});
  EXPECT_EQ(nothing.code, kExitOk);
  EXPECT_EQ(json::parse(nothing.out)["done"], json::array());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a"));
}

TEST_F(StoreVerbs, EveryVerbHasHelpWithAnExample) {
  for (const char* verb : {"copy", "stats", "check", "backup", "restore", "migrate"}) {
    const Outcome help = run({verb, "--help"});
    EXPECT_EQ(help.code, kExitOk);
    EXPECT_THAT(help.out, HasSubstr(std::string("jwtd store ") + verb)) << verb;
    EXPECT_THAT(help.out, HasSubstr("Exit codes"));
  }
}

}  // namespace
}  // namespace jwtd::cli
