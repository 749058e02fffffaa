// api/body.cc - one way to read each kind of body, and a short one for the body that comes a hundred thousand times a second.
#include "api/body.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/percent.h"
#include "json/strict_json.h"

namespace jwtd::api {
namespace {

bool has_type(const http::Request& request, std::string_view wanted) {
  const std::string_view type = request.field("content-type");
  return http::equal_ignoring_case(type.substr(0, type.find_first_of("; \t")), wanted);
}

// What stands for itself in JSON and in a form: all that a token has.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")) plain[static_cast<unsigned char>(c)] = true;
  return plain;
}();
bool is_plain(std::string_view text) {
  bool plain = true;
  for (const char c : text) plain &= kPlain[static_cast<unsigned char>(c)];
  return plain;
}

using Names = std::initializer_list<std::string_view>;

// One of them, and not read already.
bool is_new_name(std::string_view name, Names names, const std::vector<TextMember>& seen) {
  return std::find(names.begin(), names.end(), name) != names.end() && !value_of(seen, name);
}

// {"token":"eyJ..."} as clients write it, with or without a space behind colon and comma. nullopt: the strict reader has to look.
std::optional<std::vector<TextMember>> plain_members(std::string_view body, Names names) {
  const auto take = [&body](std::string_view literal) {
    if (!body.starts_with(literal)) return false;
    body.remove_prefix(literal.size());
    return true;
  };
  const auto take_text = [&](std::string_view& text) {
    if (!take("\"")) return false;
    text = body.substr(0, body.find('"'));
    body.remove_prefix(text.size());
    return take("\"") && is_plain(text);
  };
  std::vector<TextMember> members;
  std::string_view name, text;
  if (!take("{")) return std::nullopt;
  do {
    if (!members.empty()) take(" ");
    if (!take_text(name) || !take(":")) return std::nullopt;
    take(" ");
    if (!take_text(text) || !is_new_name(name, names, members)) return std::nullopt;
    members.push_back({std::string(name), std::string(text)});
  } while (take(","));
  if (body != "}") return std::nullopt;
  return members;
}

bool decode_form_text(std::string_view raw, std::string& out) {
  if (is_plain(raw)) {
    out.assign(raw);
    return true;
  }
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '+') {
      c = ' ';
    } else if (c == '%') {
      const int octet = percent_octet(raw, i);
      if (octet == kNoOctet) return false;
      c = static_cast<char>(octet);
      i += 2;
    }
    if (c < 0x20 || c > 0x7e) return false;  // octets above 127 are negative
    out.push_back(c);
  }
  return true;
}

}  // namespace

bool is_json(const http::Request& request) { return has_type(request, "application/json"); }
bool is_form(const http::Request& request) { return has_type(request, "application/x-www-form-urlencoded"); }

std::optional<std::vector<TextMember>> text_members(std::string_view body, Names names) {
  if (auto plain = plain_members(body, names)) return plain;
  std::string why;
  const std::optional<json::JsonObject> object = json::JsonObject::parse(body, /*max_depth=*/1, why);
  if (!object) return std::nullopt;
  std::vector<TextMember> members;
  for (const json::JsonMember& member : object->members()) {
    if (member.kind != json::JsonMember::Kind::kString || !is_new_name(member.name, names, members)) return std::nullopt;
    members.push_back({member.name, member.text});
  }
  return members;
}

std::optional<TextMember> only_member(std::string_view body, Names names) {
  auto members = text_members(body, names);
  if (!members || members->size() != 1) return std::nullopt;
  return std::move(members->front());
}

const std::string* value_of(const std::vector<TextMember>& members, std::string_view name) {
  const auto found = std::find_if(members.begin(), members.end(), [&](const TextMember& member) { return member.name == name; });
  return found == members.end() ? nullptr : &found->text;
}

std::optional<Form> parse_form(std::string_view body) {
  Form form;
  while (!body.empty()) {
    const auto end = body.find('&');
    const std::string_view pair = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    std::string name, value;
    if (form.size() == kMaxFormParameters || !decode_form_text(pair.substr(0, equals), name)) return std::nullopt;
    if (equals != std::string_view::npos && !decode_form_text(pair.substr(equals + 1), value)) return std::nullopt;
    if (name.empty() || value_of(form, name)) return std::nullopt;
    form.push_back({std::move(name), std::move(value)});
  }
  return form;
}

}  // namespace jwtd::api
