// cli/admin_group.cc - options and help of the verbs that ask a running jwtd.
#include "cli/admin_group.h"

namespace jwtd::cli {
namespace {

CLI::Option* add_admin(CLI::App& app, AdminPlace& place) {
  app.add_option("--admin", place.url, "The admin listener: https, or http of loopback")->type_name("URL")->capture_default_str();
  app.add_option("--ca-file", place.ca_file, "PEM: who signed the listener's certificate; without it whom the system believes")->type_name("FILE");
  return app.add_option("--key-file", place.key_file, "File with the key of a caller that has the scope for it")->type_name("FILE");
}

void add_phone(CLI::App& app, PhoneArgument& phone) {
  CLI::Option* number = app.add_option("--phone", phone.number, "Digits with the country code first, which every user of this machine can read in the list of processes; - reads them from standard input")->type_name("PHONE");
  not_empty(app.add_option("--phone-file", phone.file, "The same, in a file")->type_name("FILE")->excludes(number));
  not_empty(number);
}

}  // namespace

void AdminGroup::add_callbacks(CLI::App& callbacks, const AddVerb& add_verb) {
  CLI::App* list = add_verb(callbacks, "list", "Show what waits in the outbox of a running jwtd; with --dead what was given up",
                            "  jwtd callbacks list --key-file caller_key\n"
                            "  jwtd callbacks list --dead --admin https://jwtd.internal:8081 --key-file caller_key -o json\n",
                            [this] { return callbacks_list(callbacks_, streams_.out, streams_.err); });
  add_admin(*list, callbacks_.place)->required();
  list->add_flag("--dead", callbacks_.dead, "Those that were given up after about a day");
  add_output(*list, callbacks_.json);

  CLI::App* replay = add_verb(callbacks, "replay", "Put what was given up back into the outbox",
                              "  jwtd callbacks replay --key-file caller_key\n"
                              "  jwtd callbacks replay --key-file caller_key msg_0123456789abcdef0123456789abcdef\n",
                              [this] { return callbacks_replay(callbacks_, streams_.out, streams_.err); });
  add_admin(*replay, callbacks_.place)->required();
  not_empty(replay->add_option("ID", callbacks_.id, "Only this one, by its webhook-id"));
  add_output(*replay, callbacks_.json);
}

void AdminGroup::add_transactions(CLI::App& transactions, const AddVerb& add_verb) {
  CLI::App* exported = add_verb(transactions, "export", "Print a phone number's transactions with tokens and events, and callbacks that name it, as JSON",
                                "  jwtd transactions export --phone-file number --key-file caller_key > subject.json\n\n"
                                "The caller needs the scopes read, read:pii and callbacks.\n",
                                [this] { return transactions_export(transactions_, streams_); });
  CLI::App* erase = add_verb(transactions, "erase", "Remove a phone number's transactions; counts stay",
                             "  jwtd transactions erase --phone - --key-file caller_key < number\n\n"
                             "The caller needs the scope admin. Backups, replicas and logs of a database are not reached.\n",
                             [this] { return transactions_erase(transactions_, streams_); });
  for (CLI::App* verb : {exported, erase}) {
    add_admin(*verb, transactions_.place)->required();
    add_phone(*verb, transactions_.phone);
  }
}

void AdminGroup::add_revoke(CLI::App& parent, const AddVerb& add_verb) {
  CLI::App* app = add_verb(parent, "revoke", "End tokens by transaction, phone number, key or token: of a running jwtd, or in a store",
                           "  jwtd revoke --xid order-1 --key-file caller_key\n"
                           "  jwtd revoke --token-file - --admin https://jwtd.internal:8081 --key-file caller_key < token\n"
                           "  jwtd revoke --phone-file number --config /etc/jwtd/jwtd.toml\n"
                           "  jwtd revoke --kid 2cWEQ9bMrBo --store postgresql://jwtd@db/jwtd --password-file /etc/jwtd/db_password\n"
                           "\nWith --key-file it asks a running jwtd; the caller needs the scope revoke. Otherwise it opens the store itself, which for\n"
                           "RocksDB only goes while no server has it. By token there: --config, for the key that the token is verified with.\n",
                           [this] { return revoke(revoke_, stores_, streams_, wall_now()); });
  not_empty(app->add_option("--xid", revoke_.xid, "One transaction")->type_name("XID"));
  add_phone(*app, revoke_.phone);
  not_empty(app->add_option("--kid", revoke_.kid, "All tokens of a key, by its id")->type_name("KID"));
  not_empty(app->add_option("--token-file", revoke_.token_file, "A token's transaction, the token in a file; - reads it from standard input")->type_name("FILE"));
  CLI::Option* key_file = add_admin(*app, revoke_.place);
  const StoreOptionsGiven store = add_store(*app, revoke_.store);
  key_file->excludes(store.config)->excludes(store.store);
  app->get_option("--admin")->needs(key_file);
  add_output(*app, revoke_.json);
}

}  // namespace jwtd::cli
