// store/rocksdb/damage_for_tests.h - what tests do to a store's files while it is closed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace jwtd::store {

inline void flip(const std::string& path, std::uintmax_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char octet = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(octet ^ 0x10));
}

inline std::string largest_table(const std::string& folder) {
  std::string largest;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".sst") continue;
    if (largest.empty() || std::filesystem::file_size(file.path()) > std::filesystem::file_size(largest)) largest = file.path();
  }
  return largest;
}

}  // namespace jwtd::store
