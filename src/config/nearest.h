// config/nearest.h - which of the known words somebody meant who wrote an unknown one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace jwtd::config {

// How many insertions, deletions, substitutions and swaps of neighbours lie between two words (Damerau-Levenshtein, each stretch edited
// once). Octets, not characters.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate with the fewest edits, the first of equals; empty when all are further away than a third of the word (at least 1 edit, at most 4).
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace jwtd::config
