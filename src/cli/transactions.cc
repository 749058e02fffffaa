// cli/transactions.cc - pages of the list, then each transaction whole.
#include "cli/transactions.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/ids.h"
#include "cli/cli.h"

namespace jwtd::cli {
namespace {

using Json = nlohmann::ordered_json;

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
  Json damaged = Json::array();
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
      all["transactions"].push_back(*std::move(whole));
    }
    if (page->contains("damaged")) damaged.insert(damaged.end(), (*page)["damaged"].begin(), (*page)["damaged"].end());
    cursor = (*page)["next"].is_string() ? (*page)["next"].get<std::string>() : "";
  } while (!cursor.empty());
  if (!damaged.empty()) all["damaged"] = damaged;
  streams.out << all.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  if (damaged.empty()) return kExitOk;
  streams.err << "jwtd: " << damaged.size() << " transactions cannot be read, and stand under \"damaged\" by their XID alone: a backup may have them\n";
  return kExitFailed;
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
