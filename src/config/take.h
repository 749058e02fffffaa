// config/take.h - from a setting's node to its value: one function a form. Each complains about what it cannot take, and then leaves `to` as it was.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.h"
#include "config/values.h"

namespace jwtd::config {

void take_duration(const Node& node, std::chrono::seconds least, std::chrono::seconds most, std::chrono::seconds& to, const Complain& complain);
void take_milliseconds(const Node& node, std::chrono::milliseconds least, std::chrono::milliseconds most, std::chrono::milliseconds& to, const Complain& complain);
void take_endpoint(const Node& node, Endpoint& to, const Complain& complain);
// A file's path, or "credential:NAME" for one of systemd's credentials. No complaint repeats the value: whoever puts the secret itself where its path belongs must
// not find it in a log.
void take_path(const Node& node, std::string& to, const Surroundings& surroundings, const Complain& complain);
void take_customer_id(const Node& node, std::string& to, const Complain& complain);
void take_networks(const Node& node, std::vector<Network>& to, const Complain& complain);
std::string show_networks(const std::vector<Network>& networks);
void take_header(const Node& node, std::string& to, const Complain& complain);

template <class T>
void take_integer(const Node& node, std::int64_t least, std::int64_t most, T& to, const Complain& complain) {
  if (node.integer < least || node.integer > most) {
    return complain(node, "must be from " + std::to_string(least) + " to " + std::to_string(most) + "; " + std::to_string(node.integer) + " is not");
  }
  to = static_cast<T>(node.integer);
}

template <class T>
struct Choice {
  const char* text;
  T value;
};

template <class T, std::size_t N>
void take_choice(const Node& node, const Choice<T> (&choices)[N], T& to, const Complain& complain) {
  std::string names;
  for (std::size_t i = 0; i < N; ++i) {
    if (node.text == choices[i].text) {
      to = choices[i].value;
      return;
    }
    names += (i == 0 ? "" : i + 1 == N ? " or " : ", ") + in_quotes(choices[i].text);
  }
  complain(node, "must be " + names + "; " + in_quotes(node.text) + " is neither");
}

template <class T, std::size_t N>
std::string show_choice(T value, const Choice<T> (&choices)[N]) {
  for (const auto& choice : choices) {
    if (choice.value == value) return in_quotes(choice.text);
  }
  return {};
}

}  // namespace jwtd::config
