// cli/store_group.cc - options and help of the `store` verbs.
#include "cli/store_group.h"

#include <ostream>

#include "config/values.h"

namespace jwtd::cli {

void StoreGroup::add_to(CLI::App& store, const AddVerb& add_verb) {
  CLI::App* copy = add_verb(store, "copy", "Move everything from one store to another; may be interrupted and run again",
                            "  jwtd store copy --from rocksdb:///var/lib/jwtd --to /etc/jwtd/new.toml\n"
                            "  jwtd store copy --from mongodb://db/jwt_db --from-password-file /etc/jwtd/db_password --to rocksdb:///srv/jwtd -o json\n"
                            "\nStop whatever writes to the source first: what is written during a copy may be missed. Transactions arrive with their times and earlier\n"
                            "tokens; what stands in the target already is left alone. At the end both are counted, and a sample is compared field by field.\n"
                            "How far it is stands in a file in the current folder, jwtd-copy.*.json (or --state): the same command again goes on from there.\n",
                            [this] { return this->copy(); });
  copy->add_option("--from,--from-config", copy_.from.where, "Store to read: a URL without a password, or a configuration")->type_name("URL|FILE")->required();
  copy->add_option("--from-password-file", copy_.from.password_file, "Its first line takes the place of the password in the URL")->type_name("FILE");
  copy->add_option("--to,--to-config", copy_.to.where, "Store to write: as --from")->type_name("URL|FILE")->required();
  copy->add_option("--to-password-file", copy_.to.password_file, "As --from-password-file")->type_name("FILE");
  copy->add_option("--state", copy_.state_file, "Where it keeps how far it is; removed at the end")->type_name("FILE");
  copy->add_option("--rate", copy_.rate, "At most so many transactions a second; 0: as fast as it goes")->type_name("N")->capture_default_str();
  copy->add_option("--sample", copy_.sample, "How many transactions are read back from both and compared")->type_name("N")->capture_default_str()->check(CLI::Range(0, 1'000'000));
  copy->add_option("--retention", retention_, "Of the target, instead of its configuration's, or of 30d; what is older stays behind. 0s: nothing does")->type_name("DURATION");
  add_output(*copy, copy_.json);

  CLI::App* stats = add_verb(store, "stats", "Say how much a store holds",
                             "  jwtd store stats --store rocksdb:///var/lib/jwtd\n"
                             "  jwtd store stats --config /etc/jwtd/jwtd.toml -o json\n"
                             "\nRocksDB belongs to one process: of a running jwtd ask its /metrics.\n",
                             [this] { return store_stats(stats_, stores_, streams_); });
  add_store(*stats, stats_.store);
  add_output(*stats, stats_.json);

  CLI::App* check = add_verb(store, "check", "Read every record, and verify its checksum and its token",
                             "  jwtd store check --config /etc/jwtd/jwtd.toml\n"
                             "  jwtd store check --store rocksdb:///backup/monday --key /etc/jwtd/api_key -o json\n"
                             "\nOf RocksDB that a running jwtd has open, check a backup. Exit 1 when anything is damaged: each is named by its XID.\n",
                             [this] { return store_check(check_, stores_, streams_, wall_now()); });
  add_store(*check, check_.store);
  check->add_option("--key", check_.key_file, "API key, as issuer.api_key_file: verify signatures too")->type_name("FILE");
  add_output(*check, check_.json);

  CLI::App* backup = add_verb(store, "backup", "Copy a RocksDB store into a new folder, also while jwtd serves from it",
                              "  jwtd store backup --config /etc/jwtd/jwtd.toml --to /backup/jwtd-monday\n"
                              "\nHolds every token that was answered before it began. On the same file system, files are linked and take no space at first:\n"
                              "copy the folder elsewhere to have it on another disk. MongoDB and PostgreSQL have tools of their own.\n",
                              [this] { return store_backup(backup_, stores_, streams_); });
  add_store(*backup, backup_.store);
  backup->add_option("--to", backup_.to, "Folder; not there yet, or empty")->type_name("FOLDER")->required();
  add_output(*backup, backup_.json);

  CLI::App* restore = add_verb(store, "restore", "Copy a backup into a new folder for jwtd to serve from, checked first",
                               "  jwtd store restore --from /backup/jwtd-monday --to rocksdb:///var/lib/jwtd\n"
                               "\nInto another kind of store: jwtd store copy --from rocksdb:///backup/jwtd-monday --to URL\n",
                               [this] { return store_restore(restore_, stores_, streams_, wall_now()); });
  restore->add_option("--from", restore_.from, "A folder that jwtd store backup made; is left as it is")->type_name("FOLDER")->required();
  restore->add_option("--to", restore_.to, "rocksdb:// URL or folder; not there yet, or empty")->type_name("URL|FOLDER")->required();
  add_output(*restore, restore_.json);

  CLI::App* migrate = add_verb(store, "migrate", "Bring a database's schema up to this jwtd",
                               "  jwtd store migrate --config /etc/jwtd/jwtd.toml\n"
                               "  jwtd store migrate --store postgresql://jwtd@db/jwtd --password-file /etc/jwtd/db_password\n",
                               [this] { return store_migrate(migrate_, stores_, streams_); });
  add_store(*migrate, migrate_.store);
  add_output(*migrate, migrate_.json);
}

int StoreGroup::copy() {
  if (!retention_.empty()) {
    const auto retention = config::parse_duration(retention_);
    if (!retention || retention->count() % 1000 != 0) {
      streams_.err << "jwtd: --retention must be whole seconds, such as \"30d\" or \"0s\"\n";
      return kExitUsage;
    }
    copy_.retention = std::chrono::duration_cast<std::chrono::seconds>(*retention);
  }
  return store_copy(copy_, stores_, streams_, wall_now());
}

}  // namespace jwtd::cli
