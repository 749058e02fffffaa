// cli/cli.cc - from arguments to verbs: with the groups (admin_group.cc, store_group.cc) all that knows CLI11.
#include "cli/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>

#include "base/time.h"
#include "cli/admin_group.h"
#include "cli/caller.h"
#include "cli/check_config.h"
#include "cli/dev.h"
#include "cli/discreet_stream.h"
#include "cli/keygen.h"
#include "cli/sandbox.h"
#include "cli/serve.h"
#include "cli/store_group.h"
#include "cli/token.h"
#include "cli/version.h"
#include "config/load.h"
#include "config/nearest.h"
#include "config/values.h"

namespace jwtd::cli {
namespace {

constexpr const char* kExitCodes =
    "\nExit codes:\n"
    "  0  done, or every token valid\n"
    "  1  it failed, or a token is not valid\n"
    "  2  wrong usage or configuration\n";
class CommandLine {
 public:
  CommandLine(std::string program, const Streams& streams, const Serve& serve, const Stores& stores)
      : streams_(streams), serve_(serve), admin_group_(streams, stores), store_group_(streams, stores) {
    dev_.program = std::move(program);
    app_.require_subcommand(1);
    app_.footer(std::string("\nExamples:\n"
                            "  jwtd dev                                  try it: everything made, lines to paste\n"
                            "  jwtd check-config /etc/jwtd/jwtd.toml     what is wrong, all at once\n"
                            "  jwtd serve --config /etc/jwtd/jwtd.toml\n"
                            "  jwtd VERB --help\n") + kExitCodes);
    add_dev();
    add_serve();
    add_sandbox();
    add_check_config();
    add_keygen();
    add_token();
    add_caller();
    add_callbacks();
    add_transactions();
    admin_group_.add_revoke(app_, adding());
    add_store();
    add_version();
  }

  int run(std::vector<std::string> arguments) {
    if (arguments.empty()) {
      streams_.err << app_.help();
      return kExitUsage;
    }
    // What people type before they have read the help.
    if (arguments.front() == "help") {
      arguments.erase(arguments.begin());
      arguments.emplace_back("--help");
    } else if (arguments.front() == "--version" || arguments.front() == "-V") {
      arguments.front() = "version";
    }
    std::reverse(arguments.begin(), arguments.end());
    try {
      app_.parse(arguments);
    } catch (const CLI::CallForHelp&) {
      streams_.out << app_.help();
      return kExitOk;
    } catch (const CLI::ParseError& error) {
      return usage_error(error.what());
    }
    return verb_();
  }

 private:
  // -- verbs -----------------------------------------------------------------------------------------------------------

  CLI::App* add_verb(CLI::App& parent, const char* name, const char* help, const char* examples, Verb verb) {
    CLI::App* app = parent.add_subcommand(name, help);
    app->footer(std::string("\nExamples:\n") + examples + kExitCodes);
    app->callback([this, verb = std::move(verb)] { verb_ = verb; });
    return app;
  }

  AddVerb adding() {
    return [this](CLI::App& parent, const char* name, const char* help, const char* examples, Verb verb) { return add_verb(parent, name, help, examples, std::move(verb)); };
  }

  void add_dev() {
    CLI::App* app = add_verb(app_, "dev", "Serve with a generated key, caller and certificate; not for production",
                             "  jwtd dev\n"
                             "  jwtd dev --data /tmp/jwtd-dev --port 9080 --admin-port 9081\n"
                             "  jwtd dev --tls --store memory:\n"
                             "  jwtd dev --sandbox                        with a provider beside it: the whole flow, no account\n",
                             [this] { return dev(dev_, streams_.out, streams_.err, serve_, now()); });
    app->add_option("--data", dev_.folder, "Folder for everything it makes; made when it is not there, used again when it is")->type_name("FOLDER")->capture_default_str();
    app->add_option("--port", dev_.port, "Port of the token routes on 127.0.0.1; 0: any free one")->type_name("N")->capture_default_str();
    app->add_option("--admin-port", dev_.admin_port, "Port of the admin routes on 127.0.0.1")->type_name("N")->capture_default_str();
    app->add_option("--store", dev_.store, "Where transactions are kept; without it RocksDB in the folder")->type_name("URL");
    app->add_flag("--tls", dev_.tls, "https with the folder's certificate");
    app->add_flag("--sandbox", dev_.sandbox, "Play the provider too, as jwtd sandbox does");
    app->add_option("--sandbox-port", dev_.sandbox_port, "Port of that on 127.0.0.1")->type_name("N")->capture_default_str();
  }

  void add_sandbox() {
    CLI::App* app = add_verb(app_, "sandbox", "Play TeleSign on loopback: take tokens, call phones, tell status, send callbacks",
                             "  jwtd sandbox --api-key-file api_key --customer-id FFFFFFFF-EEEE-DDDD-1234-AB1234567890\n"
                             "  jwtd sandbox --api-key-file api_key --customer-id C-1 --callback-url http://127.0.0.1:8080/v1/callbacks/telesign\n"
                             "\nRoutes (forms or JSON): POST /v1/mobile/verification jwt, phone_number; POST /v1/mobile/verification/finalize initiate_id,\n"
                             "verification_code; GET /v1/mobile/verification/status/{xid}; POST /sandbox/callbacks xid, kind, where kind is duplicate, late,\n"
                             "contradiction, forged, unsigned, other_customer or unmatched. docs/SANDBOX.md has the whole flow.\n",
                             [this] { return sandbox(sandbox_, streams_.out, streams_.err); });
    app->add_option("--listen", sandbox_.listen, "Loopback address and port; port 0: any free one")->type_name("ADDRESS")->capture_default_str();
    app->add_option("--api-key-file", sandbox_.api_key_file, "File with the API key, the same as jwtd's")->type_name("FILE")->required();
    app->add_option("--customer-id", sandbox_.customer_id, "Customer id, the same as jwtd's")->type_name("ID")->required();
    app->add_option("--callback-url", sandbox_.callback_url, "Where callbacks go; without it they are only printed")->type_name("URL");
    app->add_option("--code", sandbox_.code, "What every call says; without it five random digits each")->type_name("CODE");
    app->add_option("--copies", sandbox_.copies, "How often each callback is sent")->type_name("N")->capture_default_str()->check(CLI::Range(1, 100));
  }

  void add_serve() {
    CLI::App* app = add_verb(app_, "serve", "Serve by a configuration file",
                             "  jwtd serve --config /etc/jwtd/jwtd.toml\n"
                             "  JWTD_LOG_LEVEL=debug jwtd serve --config jwtd.toml --listen-public 127.0.0.1:8080 --set listen.threads=2\n"
                             "\nEvery setting is in conf/jwtd.full.toml. Each can come from the file, from the environment (JWTD_LISTEN_PUBLIC for\n"
                             "listen.public), and from --set; flags win over the environment, which wins over the file. A name that is no\n"
                             "setting's is an error, in the environment every one that begins with JWTD_.\n"
                             "SIGHUP reads certificate and callers again and reopens the log file; SIGTERM answers what was accepted, then ends.\n",
                             [this] { return with_flags(serve_arguments_.flags, [this] { return serve_config(serve_arguments_, config::process_environment(), streams_.err, serve_); }); });
    app->add_option("--config", serve_arguments_.config_file, "Configuration")->type_name("FILE")->required();
    add_settings(*app);
  }

  void add_check_config() {
    CLI::App* app = add_verb(app_, "check-config", "Say what is wrong with a configuration; makes and changes nothing",
                             "  jwtd check-config /etc/jwtd/jwtd.toml\n"
                             "  jwtd check-config -o json jwtd.toml\n",
                             [this] { return with_flags(check_.flags, [this] { return check_config(check_, config::process_environment(), streams_.out, streams_.err); }); });
    app->add_option("FILE", check_.config_file, "Configuration")->required();
    add_settings(*app);
    add_output(*app, check_.json);
  }

  void add_keygen() {
    CLI::App* app = add_verb(app_, "keygen", "Make an API key: 64 random octets as base64",
                             "  jwtd keygen\n"
                             "  jwtd keygen --out /etc/jwtd/api_key\n",
                             [this] { return keygen(keygen_, streams_.out, streams_.err); });
    app->add_option("--out", keygen_.out_file, "New file, mode 0600; without it the key is printed")->type_name("FILE");
  }

  void add_token() {
    CLI::App* token = app_.add_subcommand("token", "Issue, inspect and verify tokens, with no server");
    token->require_subcommand(1);
    token->footer(kExitCodes);
    add_token_issue(*token);
    add_token_inspect(*token);
    add_token_verify(*token);
  }

  void add_token_issue(CLI::App& token) {
    CLI::App* app = add_verb(token, "issue", "Print a token that no store has on record",
                             "  jwtd token issue --key api_key --issuer FFFFFFFF-EEEE-DDDD-1234-AB1234567890 15555551234\n"
                             "  jwtd token issue --key api_key --issuer C-1 -o json 15555551234 my-transaction\n",
                             [this] { return issue(); });
    add_key(*app, issue_.key_file, issue_.issuer);
    app->add_option("--lifetime", lifetime_, "From iat to exp")->type_name("DURATION")->capture_default_str();
    app->add_option("--backdate", backdate_, "How far iat lies before now")->type_name("DURATION")->capture_default_str();
    app->add_option("--at", at_, "As if it were this moment, in seconds since 1970")->type_name("UNIX_TIME");
    app->add_option("PHONE", issue_.phone, "Phone number, country code first")->required();
    not_empty(app->add_option("XID", issue_.xid, "Transaction id; without it a fresh one"));
    add_output(*app, issue_.json);
  }

  void add_token_inspect(CLI::App& token) {
    CLI::App* app = add_verb(token, "inspect", "Show header, claims and times; says nothing about trust",
                             "  jwtd token inspect eyJ...\n"
                             "  curl -s http://127.0.0.1:8080/v1/token/15555551234 | jwtd token inspect -\n",
                             [this] { return inspect_tokens(inspect_, streams_.in, streams_.out, streams_.err, now()); });
    app->add_option("TOKEN", inspect_.tokens, "Tokens; - reads one a line from standard input")->required();
    add_output(*app, inspect_.json);
  }

  void add_token_verify(CLI::App& token) {
    CLI::App* app = add_verb(token, "verify", "Say of each token whether it is valid, and if not, why",
                             "  jwtd token verify --key api_key --issuer FFFFFFFF-EEEE-DDDD-1234-AB1234567890 eyJ...\n"
                             "  jwtd token verify --key api_key --issuer C-1 --at 1500000000 -o json - < tokens.txt\n",
                             [this] { return verify(); });
    add_key(*app, verify_.key_file, verify_.issuer);
    app->add_option("--previous-key", verify_.previous_key_file, "A key that still counts, as issuer.previous_api_key_file")->type_name("FILE");
    app->add_option("--leeway", leeway_, "How much clocks may differ")->type_name("DURATION")->capture_default_str();
    app->add_option("--at", at_, "As if it were this moment, in seconds since 1970")->type_name("UNIX_TIME");
    app->add_option("TOKEN", verify_.tokens, "Tokens; - reads one a line from standard input")->required();
    add_output(*app, verify_.json);
  }

  void add_caller() {
    CLI::App* caller = app_.add_subcommand("caller", "Add, list and remove callers; only hashes of their keys are kept");
    caller->require_subcommand(1);
    caller->footer(kExitCodes);

    CLI::App* add = add_verb(*caller, "add", "Make a caller, and print its key once, alone on a line",
                             "  jwtd caller add billing --scope read,read:pii --config /etc/jwtd/jwtd.toml\n"
                             "  jwtd caller add app --scope mint --file /etc/jwtd/callers.toml\n",
                             [this] { return with_callers_file(caller_add_.callers_file, [this] { return caller_add(caller_add_, streams_.out, streams_.err, now()); }); });
    add->add_option("NAME", caller_add_.name, "1 to 64 characters out of A-Z a-z 0-9 - _ .")->required();
    add->add_option("--scope", caller_add_.scopes, "Any of mint, read, read:pii, verify, verify:explain, revoke, callbacks, admin, separated by commas")->type_name("SCOPES")->required();
    add_callers_file(*add);
    add_output(*add, caller_add_.json);

    CLI::App* list = add_verb(*caller, "list", "Show names, scopes and dates; no keys",
                              "  jwtd caller list --config /etc/jwtd/jwtd.toml\n",
                              [this] { return with_callers_file(caller_list_.callers_file, [this] { return caller_list(caller_list_, streams_.out, streams_.err); }); });
    add_callers_file(*list);
    add_output(*list, caller_list_.json);

    CLI::App* remove = add_verb(*caller, "remove", "Take a caller away",
                                "  jwtd caller remove billing --config /etc/jwtd/jwtd.toml\n",
                                [this] { return with_callers_file(caller_remove_.callers_file, [this] { return caller_remove(caller_remove_, streams_.out, streams_.err); }); });
    remove->add_option("NAME", caller_remove_.name, "The caller's name")->required();
    add_callers_file(*remove);
    add_output(*remove, caller_remove_.json);
  }

  void add_callbacks() {
    CLI::App* callbacks = app_.add_subcommand("callbacks", "List what is to be forwarded or was given up, and send that again");
    callbacks->require_subcommand(1);
    callbacks->footer(kExitCodes);
    admin_group_.add_callbacks(*callbacks, adding());
  }

  void add_transactions() {
    CLI::App* transactions = app_.add_subcommand("transactions", "Export or erase all that is kept of a phone number");
    transactions->require_subcommand(1);
    transactions->footer(kExitCodes);
    admin_group_.add_transactions(*transactions, adding());
  }

  void add_store() {
    CLI::App* store = app_.add_subcommand("store", "Copy, check, back up and restore whole stores");
    store->require_subcommand(1);
    store->footer(kExitCodes);
    store_group_.add_to(*store, adding());
  }

  void add_version() {
    CLI::App* app = add_verb(app_, "version", "Say which jwtd this is, and what it was built with", "  jwtd version -o json\n",
                             [this] { return version(version_json_, streams_.out); });
    add_output(*app, version_json_);
  }

  // -- options that several verbs have ------------------------------------------------------------------------------------

  void add_key(CLI::App& app, std::string& key_file, std::string& issuer) {
    app.add_option("--key", key_file, "File with the API key, base64, as issuer.api_key_file")->type_name("FILE")->required();
    app.add_option("--issuer", issuer, "Customer id: the claim iss")->type_name("ISS")->required();
    app.add_option("--algorithm", algorithm_, "HS256, HS384 or HS512")->type_name("ALG")->capture_default_str();
  }

  void add_callers_file(CLI::App& app) {
    CLI::Option* config = app.add_option("--config", callers_config_, "Configuration, for its auth.callers_file")->type_name("FILE");
    app.add_option("--file", callers_file_, "The callers file itself")->type_name("CALLERS_FILE")->excludes(config);
  }

  // --set, and a flag of its own for each setting whose table entry names one.
  void add_settings(CLI::App& app) {
    app.add_option("--set", assignments_, "A setting, as --set store.retention=7d; may be repeated")->type_name("KEY=VALUE")->allow_extra_args(false);
    for (const config::SettingText& setting : config::setting_texts()) {
      if (setting.flag.empty()) continue;
      app.add_option_function<std::string>(
             setting.flag, [this, key = setting.key](const std::string& value) { setting_flags_.emplace_back(key, value); }, setting.key + ": " + setting.help)
          ->type_name("VALUE");
    }
  }

  // -- from options to requests ---------------------------------------------------------------------------------------------

  UnixSeconds now() const { return wall_now() / 1000; }

  int with_flags(config::Overrides& flags, const Verb& verb) {
    flags = setting_flags_;
    for (const std::string& assignment : assignments_) {
      const auto equals = assignment.find('=');
      if (equals == std::string::npos) return usage_error("--set takes KEY=VALUE, as in --set store.retention=7d");
      flags.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
    }
    return verb();
  }

  int with_callers_file(std::string& callers_file, const Verb& verb) {
    callers_file = callers_file_;
    if (callers_config_.empty() && callers_file_.empty()) return usage_error("--config FILE or --file CALLERS_FILE is required");
    if (callers_config_.empty()) return verb();
    const config::Loaded loaded = config::load_file(callers_config_, config::process_environment(), {});
    for (const auto& problem : loaded.problems) streams_.err << problem.text() << '\n';
    if (!loaded.problems.empty()) return kExitUsage;
    callers_file = loaded.config.auth.callers_file;
    return verb();
  }

  // False, and said why, when the text is no duration of whole seconds.
  bool take_seconds(const char* flag, const std::string& text, std::chrono::seconds& to) {
    const auto value = config::parse_duration(text);
    if (!value || value->count() % 1000 != 0) {
      usage_error(std::string(flag) + " must be whole seconds, such as \"90s\" or \"10m\"");
      return false;
    }
    to = std::chrono::duration_cast<std::chrono::seconds>(*value);
    return true;
  }

  bool take_algorithm(jose::Algorithm& to) {
    const auto algorithm = jose::parse_algorithm(algorithm_);
    if (algorithm) to = *algorithm;
    else usage_error("--algorithm must be HS256, HS384 or HS512");
    return algorithm.has_value();
  }

  int issue() {
    if (!take_algorithm(issue_.algorithm)) return kExitUsage;
    if (!take_seconds("--lifetime", lifetime_, issue_.lifetime) || !take_seconds("--backdate", backdate_, issue_.backdate)) return kExitUsage;
    // The same rules as in a configuration.
    const config::Loaded checked = config::parse(
        "", "", {},
        {{"issuer.customer_id", issue_.issuer}, {"issuer.api_key_file", "-"}, {"issuer.lifetime", lifetime_}, {"issuer.backdate", backdate_}});
    for (const auto& problem : checked.problems) streams_.err << "jwtd: " << problem.what << '\n';
    if (!checked.problems.empty()) return kExitUsage;
    issue_.at = at_;
    return issue_token(issue_, streams_.out, streams_.err, now());
  }

  int verify() {
    if (!take_algorithm(verify_.algorithm) || !take_seconds("--leeway", leeway_, verify_.leeway)) return kExitUsage;
    verify_.at = at_;
    return verify_tokens(verify_, streams_.in, streams_.out, streams_.err, now());
  }

  // -- wrong usage -------------------------------------------------------------------------------------------------------

  // The verb that was named, as deep as it goes.
  CLI::App* deepest() {
    CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return app;
  }

  static std::string name_with_parents(const CLI::App* app) {
    const std::string parent = app->get_parent() == nullptr ? "" : name_with_parents(app->get_parent()) + " ";
    return parent + (app->get_parent() == nullptr ? "jwtd" : app->get_name());
  }

  static std::string about_unknown(const std::string& word, const CLI::App& app) {
    std::vector<std::string> known;
    const bool flag = word.starts_with('-');
    const bool verb = !app.get_subcommands({}).empty();
    if (flag) {
      for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
      }
    } else {
      for (const CLI::App* sub : app.get_subcommands({})) known.push_back(sub->get_name());
    }
    const std::string bare = word.substr(0, flag ? word.find('=') : word.size());
    const std::string what = flag ? " is not an option of " : verb ? " is not a verb of " : " is one argument too many for ";
    const std::string near = config::nearest(bare, known);
    return config::in_quotes(bare) + what + name_with_parents(&app) + (near.empty() ? "" : "; did you mean " + near + "?");
  }

  int usage_error(std::string what) {
    CLI::App* app = deepest();
    // An unknown word explains more than what is missing because of it.
    const std::vector<std::string> unknown = app_.remaining(true);
    if (!unknown.empty()) what = about_unknown(unknown.front(), *app);
    streams_.err << "jwtd: " << what << "\nSee: " << name_with_parents(app) << " --help\n";
    return kExitUsage;
  }

  const Streams& streams_;
  const Serve& serve_;
  CLI::App app_{"jwtd: mints short-lived tokens bound to a phone number and a transaction, and has each on record before it is seen", "jwtd"};
  Verb verb_;

  DevRequest dev_;
  SandboxRequest sandbox_;
  ServeArguments serve_arguments_;
  CheckRequest check_;
  KeygenRequest keygen_;
  IssueRequest issue_;
  InspectRequest inspect_;
  VerifyRequest verify_;
  CallerAdd caller_add_;
  CallerList caller_list_;
  CallerRemove caller_remove_;
  AdminGroup admin_group_;
  StoreGroup store_group_;
  bool version_json_ = false;

  std::vector<std::string> assignments_;
  config::Overrides setting_flags_;
  std::string callers_config_, callers_file_;
  std::string algorithm_ = "HS256", lifetime_ = "90s", backdate_ = "10s", leeway_ = "0s";
  std::optional<UnixSeconds> at_;
};

}  // namespace

int run(const std::vector<std::string>& arguments, const Streams& streams, const Serve& serve, const Stores& stores) {
  const std::string program = arguments.empty() ? "jwtd" : arguments.front();
  const auto rest = arguments.begin() + (arguments.empty() ? 0 : 1);
  const std::vector<std::string> words(rest, arguments.end());
  DiscreetBuffer buffer(*streams.err.rdbuf(), words);
  std::ostream err(&buffer);
  return CommandLine(program, {streams.in, streams.out, err, streams.err_is_terminal}, serve, stores).run(words);
}

int run(int argc, char** argv, const Serve& serve, const Stores& stores) {
  return run({argv, argv + argc}, {std::cin, std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1}, serve, stores);
}

}  // namespace jwtd::cli
