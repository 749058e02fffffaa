// store/rocksdb/temporary_folder.h - a fresh folder for a test or benchmark, removed with this object.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace jwtd::store {

class TemporaryFolder {
 public:
  // Tests want speed, not durability: in memory where the system has such a place, and room in it (containers often have 64 MiB; a store's logs take as much).
  TemporaryFolder() : TemporaryFolder(memory_has_room() ? "/dev/shm" : std::filesystem::temp_directory_path()) {}
  explicit TemporaryFolder(const std::filesystem::path& where) : path_((where / "jwtd-store-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  static bool memory_has_room() {
    std::error_code absent;
    const auto space = std::filesystem::space("/dev/shm", absent);
    return !absent && space.available >= 1ull << 30;
  }

  std::string path_;
};

}  // namespace jwtd::store
