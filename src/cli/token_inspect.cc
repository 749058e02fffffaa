// cli/token_inspect.cc - shows a token's parts to a person, with times as dates and distances.
#include <algorithm>
#include <array>
#include <cmath>
#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <utility>

#include "cli/cli.h"
#include "cli/token.h"
#include "cli/token_input.h"
#include "jose/jws.h"

namespace jwtd::cli {

namespace {

using nlohmann::ordered_json;

constexpr double kLatestTime = 253402300799;  // 9999-12-31T23:59:59Z: what comes later is shown as a number only

struct TimeClaim {
  const char* name;
  const char* ahead;   // "expires 2026-... in 78 s"
  const char* behind;  // "expired 2026-... 12 s ago"
};
constexpr std::array<TimeClaim, 3> kTimeClaims{
    {{"iat", "issued", "issued"}, {"nbf", "valid from", "valid since"}, {"exp", "expires", "expired"}}};

// ASCII only, so that what a foreign token says cannot play tricks on a terminal.
std::string in_ascii(const ordered_json& value) { return value.dump(-1, ' ', true, ordered_json::error_handler_t::replace); }

// The two largest units: "78 s", "5 min 3 s", "3 h 12 min", "40 d 3 h".
std::string distance_text(UnixSeconds seconds) {
  struct Unit {
    UnixSeconds seconds;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits{{{86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}}};
  if (seconds < 120) return std::to_string(seconds) + " s";
  for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
    if (seconds < kUnits[i].seconds) continue;
    const UnixSeconds rest = seconds % kUnits[i].seconds / kUnits[i + 1].seconds;
    const std::string large = std::to_string(seconds / kUnits[i].seconds) + kUnits[i].name;
    return rest == 0 ? large : large + " " + std::to_string(rest) + kUnits[i + 1].name;
  }
  return {};
}

// Whole seconds; nullopt: not a time that has a date.
std::optional<UnixSeconds> as_time(const ordered_json& value) {
  if (!value.is_number()) return std::nullopt;
  const auto seconds = value.get<double>();
  if (!(seconds >= 0 && seconds <= kLatestTime)) return std::nullopt;
  return static_cast<UnixSeconds>(std::floor(seconds));
}

// Empty: not one of the three, or not a time.
std::string time_text(const std::string& name, const ordered_json& value, UnixSeconds now) {
  const auto claim = std::find_if(kTimeClaims.begin(), kTimeClaims.end(), [&](const TimeClaim& c) { return name == c.name; });
  const std::optional<UnixSeconds> at = as_time(value);
  if (claim == kTimeClaims.end() || !at) return {};
  const std::string date = format_rfc3339(*at * 1000);
  if (*at > now) return std::string(claim->ahead) + " " + date + ", in " + distance_text(*at - now);
  return std::string(claim->behind) + " " + date + ", " + distance_text(now - *at) + " ago";
}

std::string name_text(const std::string& name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
  return plain ? name : in_ascii(name);
}

void print_members(const ordered_json& object, std::optional<UnixSeconds> now, std::ostream& out) {
  std::size_t width = 0;
  for (const auto& [name, value] : object.items()) width = std::max(width, name_text(name).size());
  for (const auto& [name, value] : object.items()) {
    const std::string shown = name_text(name);
    out << "  " << shown << std::string(width - shown.size() + 2, ' ') << in_ascii(value);
    if (const std::string time = now ? time_text(name, value, *now) : std::string(); !time.empty()) out << "  " << time;
    out << '\n';
  }
}

void print_text(const jose::Inspection& token, const ordered_json& header, const ordered_json& claims, UnixSeconds now, std::ostream& out) {
  out << "header\n";
  print_members(header, std::nullopt, out);
  out << "claims\n";
  print_members(claims, now, out);
  out << "signature\n  " << token.signature_octets << " octets, NOT checked: anybody can have written this; see jwtd token verify\n";
}

ordered_json as_json(const jose::Inspection& token, const ordered_json& header, const ordered_json& claims, UnixSeconds now) {
  ordered_json times = ordered_json::object();
  for (const TimeClaim& claim : kTimeClaims) {
    const auto found = claims.find(claim.name);
    const std::optional<UnixSeconds> at = found == claims.end() ? std::nullopt : as_time(*found);
    if (at) times[claim.name] = {{"at", format_rfc3339(*at * 1000)}, {"seconds_from_now", *at - now}};
  }
  return {{"header", header},
          {"claims", claims},
          {"times", times},
          {"signature_octets", token.signature_octets},
          {"signature_checked", false}};
}

void print_error(const Error& error, bool json, std::ostream& out, std::ostream& err) {
  if (json) {
    out << in_ascii({{"error", error.code().id}, {"reason", error.code().title}, {"detail", error.detail()}}) << '\n';
  } else {
    err << "jwtd: " << error.message() << '\n';
  }
}

}  // namespace

int inspect_tokens(const InspectRequest& request, std::istream& in, std::ostream& out, std::ostream& err, UnixSeconds now) {
  bool all_readable = true;
  bool first = true;
  const std::size_t count = for_each_token(request.tokens, in, [&](const std::string& text) {
    if (!std::exchange(first, false) && !request.json) out << '\n';
    const Result<jose::Inspection> token = jose::inspect(text);
    if (!token) {
      all_readable = false;
      print_error(token.error(), request.json, out, err);
      return;
    }
    // inspect() parsed both before, more strictly than this.
    const ordered_json header = ordered_json::parse(token->header_json, nullptr, false);
    const ordered_json claims = ordered_json::parse(token->claims_json, nullptr, false);
    if (request.json) {
      out << in_ascii(as_json(*token, header, claims, now)) << '\n';
    } else {
      print_text(*token, header, claims, now, out);
    }
  });
  if (count == 0) {
    err << "jwtd: there is no token to inspect\n";
    return kExitUsage;
  }
  return all_readable ? kExitOk : kExitFailed;
}

}  // namespace jwtd::cli
