// api/body.h - request bodies of the routes that take a few text members, read strictly: JSON objects and OAuth's forms.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace jwtd::api {

bool is_json(const http::Request& request);  // its Content-Type
bool is_form(const http::Request& request);

struct TextMember {
  std::string name, text;
};
// The members of a JSON object all of whose members are strings with names out of `names`, in the order of the text. nullopt: the body is anything else.
std::optional<std::vector<TextMember>> text_members(std::string_view body, std::initializer_list<std::string_view> names);
// The same where there must be one.
std::optional<TextMember> only_member(std::string_view body, std::initializer_list<std::string_view> names);

// application/x-www-form-urlencoded as OAuth clients write it: name -> value, each name once, at most kMaxFormParameters, printable ASCII when decoded.
using Form = std::vector<TextMember>;
std::optional<Form> parse_form(std::string_view body);

// Of either. nullptr: absent.
const std::string* value_of(const std::vector<TextMember>& members, std::string_view name);

}  // namespace jwtd::api
