// api/body.h - request bodies of the routes that take a few text members, read strictly: JSON objects and OAuth's forms.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace jwtd::api {

bool is_json(const http::Request& request);  // its Content-Type
bool is_form(const http::Request& request);

// The one member of a JSON object that has one member, a string, and a name out of `names`. nullopt: the body is anything else.
struct OnlyMember {
  std::string_view name;  // out of `names`
  std::string text;
};
std::optional<OnlyMember> only_member(std::string_view body, std::initializer_list<std::string_view> names);

// application/x-www-form-urlencoded as OAuth clients write it: name -> value, each name once, at most kMaxFormParameters, printable ASCII when decoded.
using Form = std::vector<std::pair<std::string, std::string>>;
std::optional<Form> parse_form(std::string_view body);
// nullptr: absent.
const std::string* value_of(const Form& form, std::string_view name);

}  // namespace jwtd::api
