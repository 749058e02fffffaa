// cli/caller.cc - `jwtd caller add|list|remove` over access/callers.h.
#include "cli/caller.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

#include "access/callers.h"
#include "cli/cli.h"

namespace jwtd::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kShownHashDigits = 8;  // enough to tell callers apart, of no use for anything else

int fail(std::ostream& err, const Error& error, int code) {
  err << "jwtd: " << error.message() << '\n';
  return code;
}

bool has_file(const std::string& callers_file, std::ostream& err) {
  if (!callers_file.empty()) return true;
  err << "jwtd: the configuration names no file for callers. Add to it, for example:\n"
         "  [auth]\n"
         "  callers_file = \"/etc/jwtd/callers.toml\"\n";
  return false;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

// Of someone's mistake on the command line, or of the machine it runs on.
int code_of(const Error& error) {
  return error.is(access::kCallerNameMalformed) || error.is(access::kScopeUnknown) ? kExitUsage : kExitFailed;
}

void list_as_text(const std::vector<access::Caller>& callers, std::ostream& out) {
  std::size_t name_width = 4, scope_width = 5;
  for (const access::Caller& caller : callers) {
    name_width = std::max(name_width, caller.name.size());
    scope_width = std::max(scope_width, joined(caller.scope_names()).size());
  }
  const auto line = [&](std::string_view name, std::string_view scope, std::string_view created, std::string_view hash) {
    out << std::left << std::setw(static_cast<int>(name_width)) << name << "  " << std::setw(static_cast<int>(scope_width)) << scope << "  "
        << std::setw(20) << created << "  " << hash << '\n';
  };
  line("NAME", "SCOPE", "CREATED", "KEY SHA-256");
  for (const access::Caller& c : callers)
    line(c.name, joined(c.scope_names()), c.created, c.key_sha256.substr(0, kShownHashDigits) + "...");
}

}  // namespace

int caller_add(const CallerAdd& request, std::ostream& out, std::ostream& err, UnixSeconds now) {
  if (!has_file(request.callers_file, err)) return kExitUsage;
  const Result<std::uint8_t> scopes = access::parse_scopes(request.scopes);
  if (!scopes) return fail(err, scopes.error(), kExitUsage);

  const Result<access::CallersLock> lock = access::CallersLock::acquire(request.callers_file);
  if (!lock) return fail(err, lock.error(), kExitFailed);
  Result<access::Callers> callers = access::Callers::load(request.callers_file);
  if (!callers) return fail(err, callers.error(), kExitUsage);
  const Result<std::string> key = callers->add(request.name, *scopes, format_rfc3339(now * 1000));
  if (!key) return fail(err, key.error(), code_of(key.error()));
  if (const Status saved = callers->save(request.callers_file); !saved) return fail(err, saved.error(), kExitFailed);

  const access::Caller& caller = callers->all().back();
  if (request.json) out << ordered_json{{"name", caller.name}, {"scope", caller.scope_names()}, {"key", *key}}.dump() << '\n';
  else out << *key << '\n';
  if (!out.flush()) {
    err << "jwtd: the key of \"" << caller.name << "\" could not be written out, and is lost: remove this caller and add it again\n";
    return kExitFailed;
  }
  err << "Caller \"" << caller.name << "\" may " << joined(caller.scope_names())
      << ". This is the only time its key is shown: " << request.callers_file
      << " has only a hash.\nIt goes into requests as \"Authorization: Bearer <key>\". A running server takes it up within "
      << "seconds, or at SIGHUP.\n";
  return kExitOk;
}

int caller_list(const CallerList& request, std::ostream& out, std::ostream& err) {
  if (!has_file(request.callers_file, err)) return kExitUsage;
  const Result<access::Callers> callers = access::Callers::load(request.callers_file);
  if (!callers) return fail(err, callers.error(), kExitUsage);
  if (request.json) {
    ordered_json list = ordered_json::array();
    for (const access::Caller& c : callers->all()) {
      list.push_back({{"name", c.name},
                      {"scope", c.scope_names()},
                      {"created", c.created},
                      {"key_sha256_prefix", c.key_sha256.substr(0, kShownHashDigits)}});
    }
    out << list.dump() << '\n';
  } else if (callers->all().empty()) {
    err << "No callers in " << request.callers_file << ". `jwtd caller add NAME --scope read` makes one.\n";
  } else {
    list_as_text(callers->all(), out);
  }
  return out.flush() ? kExitOk : kExitFailed;
}

int caller_remove(const CallerRemove& request, std::ostream& out, std::ostream& err) {
  if (!has_file(request.callers_file, err)) return kExitUsage;
  const Result<access::CallersLock> lock = access::CallersLock::acquire(request.callers_file);
  if (!lock) return fail(err, lock.error(), kExitFailed);
  Result<access::Callers> callers = access::Callers::load(request.callers_file);
  if (!callers) return fail(err, callers.error(), kExitUsage);
  if (const Status removed = callers->remove(request.name); !removed) return fail(err, removed.error(), kExitFailed);
  if (const Status saved = callers->save(request.callers_file); !saved) return fail(err, saved.error(), kExitFailed);
  if (request.json) out << ordered_json{{"name", request.name}, {"removed", true}}.dump() << '\n';
  err << "Caller \"" << request.name << "\" is removed. A running server refuses its key within seconds, or at SIGHUP.\n";
  return out.flush() ? kExitOk : kExitFailed;
}

}  // namespace jwtd::cli
