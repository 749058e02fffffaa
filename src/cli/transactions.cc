// cli/transactions.cc - pages of the list, then each transaction whole.
#include "cli/transactions.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/ids.h"
#include "base/limits.h"
#include "cli/cli.h"

namespace jwtd::cli {
namespace {

using Json = nlohmann::ordered_json;

// A callback's key may hold what would end or change a query.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      for (const int shift : {4, 0}) out += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> shift & 15];
    }
  }
  return out;
}

// kExitOk with an open client and a number in its plain form.
int prepare(const TransactionsRequest& request, AdminClient& client, std::string& number, const Streams& streams) {
  if (request.phone.empty()) {
    streams.err << "jwtd: --phone or --phone-file is required\n";
    return kExitUsage;
  }
  const auto phone = phone_of(request.phone, streams.in);
  if (!phone) {
    streams.err << "jwtd: " << (request.phone.file.empty() ? "--phone: " : "--phone-file: ") << phone.error().message() << '\n';
    return kExitUsage;
  }
  number = phone->text();
  return client.open();
}

}  // namespace

int transactions_export(const TransactionsRequest& request, const Streams& streams) {
  AdminClient client(request.place, streams.err);
  std::string number;
  if (const int prepared = prepare(request, client, number, streams); prepared != kExitOk) return prepared;
  Json all{{"phone_number", number}, {"transactions", Json::array()}};
  Json damaged = Json::array(), left_out = Json::array();
  std::string cursor;
  do {
    const auto page = client.ask("GET", "/v1/transactions?phone_number=" + number + "&limit=100" + (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!page || !page->contains("transactions") || !page->contains("next")) return kExitFailed;
    for (const Json& listed : (*page)["transactions"]) {
      auto whole = client.ask("GET", "/v1/transactions/" + listed.value("xid", std::string()));
      if (!whole) return kExitFailed;
      if (whole->value("phone_number", std::string()) != number) {
        streams.err << "jwtd: the caller may not see phone numbers and tokens: it needs the scope read:pii\n";
        return kExitFailed;
      }
      const std::uint64_t issued = whole->value("issued", std::uint64_t{0}), shown = whole->value("earlier", Json::array()).size() + 1;
      if (issued > shown) left_out.push_back({{"xid", whole->value("xid", std::string())}, {"tokens", issued - shown}});
      all["transactions"].push_back(*std::move(whole));
    }
    if (page->contains("damaged")) damaged.insert(damaged.end(), (*page)["damaged"].begin(), (*page)["damaged"].end());
    cursor = (*page)["next"].is_string() ? (*page)["next"].get<std::string>() : "";
  } while (!cursor.empty());
  if (!damaged.empty()) all["damaged"] = damaged;
  if (!left_out.empty()) all["left_out"] = left_out;
  // What the provider reported of the number and no transaction could be found for: an erasure removes it, too.
  Json& unmatched = all["unmatched_callbacks"] = Json::array();
  do {
    const auto page = client.ask("GET", "/v1/callbacks?unmatched=1&phone_number=" + number + "&limit=100" + (cursor.empty() ? "" : "&cursor=" + escaped(cursor)));
    if (!page || !page->contains("callbacks") || !page->contains("next")) {
      streams.err << "jwtd: callbacks without a transaction could not be asked for: the caller needs the scope callbacks for that\n";
      return kExitFailed;
    }
    unmatched.insert(unmatched.end(), (*page)["callbacks"].begin(), (*page)["callbacks"].end());
    cursor = (*page)["next"].is_string() ? (*page)["next"].get<std::string>() : "";
  } while (!cursor.empty());
  streams.out << all.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  if (!damaged.empty()) streams.err << "jwtd: " << damaged.size() << " transactions cannot be read, and stand under \"damaged\" by their XID alone: a backup may have them\n";
  if (!left_out.empty()) {
    streams.err << "jwtd: of " << left_out.size() << " transactions only the newest " << kMaxEarlierTokens + 1 << " tokens are here; \"left_out\" says how many are missing\n";
  }
  return damaged.empty() && left_out.empty() ? kExitOk : kExitFailed;
}

int transactions_erase(const TransactionsRequest& request, const Streams& streams) {
  AdminClient client(request.place, streams.err);
  std::string number;
  if (const int prepared = prepare(request, client, number, streams); prepared != kExitOk) return prepared;
  const auto erased = client.ask("DELETE", "/v1/transactions?phone_number=" + number);
  if (!erased) return kExitFailed;
  streams.out << erased->dump() << '\n';
  return kExitOk;
}

}  // namespace jwtd::cli
