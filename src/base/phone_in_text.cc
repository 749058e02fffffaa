// base/phone_in_text.cc - groups of digits, and the stretches that they make.
#include "base/phone_in_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace jwtd {
namespace {

constexpr std::size_t kDigitsShown = 4;  // as Phone::redacted()

struct Group {
  std::size_t begin, end;  // in the text
  std::size_t size() const { return end - begin; }
};
using Stretch = std::vector<Group>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// How many octets stand at `at` that may lie between two groups of one number; 0: something else.
std::size_t separator_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kOfAscii = " \t-.()/+";
  // No-break, figure, punctuation, thin, hair, and narrow no-break space; hyphen, no-break hyphen, figure, en and em dash; minus.
  constexpr std::array<std::string_view, 13> kOthers{"\u00a0", "\u2007", "\u2008", "\u2009", "\u200a", "\u202f", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212"};
  if (kOfAscii.find(text[at]) != std::string_view::npos) return 1;
  const auto found = std::find_if(kOthers.begin(), kOthers.end(), [&](std::string_view other) { return text.substr(at).starts_with(other); });
  return found == kOthers.end() ? 0 : found->size();
}

// The groups from `at` on up to what can stand in no number, which may be none; `at` moves behind it.
Stretch next_stretch(std::string_view text, std::size_t& at) {
  Stretch groups;
  while (at < text.size()) {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at > begin) {
      groups.push_back({begin, at});
      continue;
    }
    const std::size_t separator = separator_at(text, at);
    at += std::max<std::size_t>(separator, 1);
    if (separator == 0) break;
  }
  return groups;
}

std::size_t digits_of(const Stretch& groups) {
  std::size_t digits = 0;
  for (const Group& group : groups) digits += group.size();
  return digits;
}

// Groups that follow each other from `first` on, together `digits`.
bool spell(std::string_view text, const Stretch& groups, std::size_t first, std::string_view digits) {
  for (std::size_t i = first; i < groups.size() && !digits.empty(); ++i) {
    const std::string_view group = text.substr(groups[i].begin, groups[i].size());
    if (!digits.starts_with(group)) return false;
    digits.remove_prefix(group.size());
  }
  return digits.empty();
}

}  // namespace

std::string phones_masked(std::string_view text) {
  std::string out(text);
  for (std::size_t at = 0; at < text.size();) {
    const Stretch groups = next_stretch(text, at);
    std::size_t left = digits_of(groups);  // in this group and behind it
    if (left < Phone::kMinDigits) continue;
    for (const Group& group : groups) {
      const bool is_number = group.size() >= Phone::kMinDigits;
      for (std::size_t i = group.begin; i < group.end; ++i, --left) {
        if (left > kDigitsShown && !(is_number && group.end - i <= kDigitsShown)) out[i] = '*';
      }
    }
  }
  return out;
}

bool holds_phone(std::string_view text, const Phone& phone) {
  const std::string digits = phone.text();
  for (std::size_t at = 0; at < text.size();) {
    const Stretch groups = next_stretch(text, at);
    for (std::size_t first = 0; first < groups.size(); ++first) {
      if (spell(text, groups, first, digits)) return true;
    }
  }
  return false;
}

}  // namespace jwtd
