// json/suite_for_tests.h - the texts of JSONTestSuite, from the folder in JWTD_VECTORS.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace jwtd::json {

struct SuiteText {
  std::string name;  // begins with y_, n_ or i_: is JSON, is none, may be either
  std::string text;
};

inline std::filesystem::path suite_folder() {
  const char* set = std::getenv("JWTD_VECTORS");
  return (set && *set ? std::filesystem::path(set) : std::filesystem::path(JWTD_SOURCE_DIR) / "../shared/vectors") / "jsontestsuite/test_parsing";
}

inline std::vector<SuiteText> suite_texts() {
  std::vector<SuiteText> texts;
  for (const auto& file : std::filesystem::directory_iterator(suite_folder())) {
    std::ifstream in(file.path(), std::ios::binary);
    texts.push_back({file.path().filename(), {std::istreambuf_iterator<char>(in), {}}});
  }
  return texts;
}

}  // namespace jwtd::json

// For the top of a test.
#define JWTD_NEEDS_SUITE() \
  if (!std::filesystem::exists(jwtd::json::suite_folder())) GTEST_SKIP() << "there are no vectors in " << jwtd::json::suite_folder() << "; JWTD_VECTORS says where they are"
