// config/config_fuzz.cc - any octets as a configuration file: no crash, and what is accepted keeps the rules.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.h"

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  using namespace jwtd;
  const std::string_view text(reinterpret_cast<const char*>(octets), size);
  const config::Loaded loaded = config::parse(text, "fuzz.toml", {}, {});
  for (const config::Problem& problem : loaded.problems) demand(!problem.what.empty() && problem.where.starts_with("fuzz.toml"));
  if (!loaded.problems.empty()) return 0;

  const config::Config& c = loaded.config;
  demand(!c.issuer.customer_id.empty() && c.issuer.customer_id.size() <= kMaxIssuerBytes);
  demand(!c.issuer.api_key_file.empty() && c.issuer.lifetime > c.issuer.backdate);
  demand(!c.tls.enabled || (!c.tls.certificate.empty() && !c.tls.key.empty()));
  for (const limit::Rule& rule : c.rules) {
    demand(!rule.name.empty() && !rule.rates.empty());
    for (const limit::Rate& rate : rule.rates) demand(rate.burst >= 1 && rate.count >= 1);
  }
  // Every value can be written down and read back to the same.
  for (const std::string& key : config::known_keys()) demand(!config::value_of(c, key).empty());
  return 0;
}
