// base/phone_in_text.h - where a text of somebody else's may hold a phone number: the one notion behind what is masked and what an erasure finds.
//
// Digits in groups, as people write them: "15555551234", "+1 (555) 555-1234", "1.555.555.1234". Between groups stand blanks, hyphens, dots, parentheses,
// slashes and plus signs, Unicode's blanks and hyphens among them. What is no number and looks like one, as a date with its time, counts too.
//
// Thread-safety: pure functions. Cost: linear.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"

namespace jwtd {

// The same text with '*' for digits: of each stretch of groups that has as many as the shortest phone number (Phone::kMinDigits), all but its last four, and all
// but the last four of each group in it that has as many by itself.
std::string phones_masked(std::string_view text);

// Whether this number stands in it: its digits in one group, or in several that follow each other. Within a longer group they do not count.
bool holds_phone(std::string_view text, const Phone& phone);

}  // namespace jwtd
