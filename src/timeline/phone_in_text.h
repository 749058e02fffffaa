// timeline/phone_in_text.h - whether a text of somebody else's names a phone number: for what has to be found of a person without a transaction.
#pragma once

#include <string_view>

#include "base/ids.h"

namespace jwtd::timeline {

// As holds_phone() of base/phone_in_text.h: JSON is looked through in its strings, numbers and names, after their escapes; what is no JSON, as text.
bool names_phone(std::string_view text, const Phone& phone);

}  // namespace jwtd::timeline
