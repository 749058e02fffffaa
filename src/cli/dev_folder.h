// cli/dev_folder.h - the folder of `jwtd dev`: key, caller, certificate and customer id, each made once and used again.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace jwtd::cli {

inline constexpr Code kDevFolderUnusable{"dev_folder_unusable", Fault::kInternal, "The data folder of jwtd dev cannot be used"};

class DevFolder {
 public:
  // Makes `path` (mode 0700) and in it what is missing. A folder with other things in it is refused, so that `--data /etc` changes nothing.
  // Fails with kDevFolderUnusable and what keys/, access/ and http/ fail with.
  static Result<DevFolder> open(const std::filesystem::path& path, UnixSeconds now);

  // Absolute, so that the lines to paste work from anywhere.
  std::string file(const char* name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  std::string api_key() const { return file("api_key"); }
  std::string callers() const { return file("callers.toml"); }
  std::string caller_key() const { return file("caller_key"); }  // the key itself, mode 0600: only here, and only for dev
  std::string certificate() const { return file("tls.crt"); }
  std::string tls_key() const { return file("tls.key"); }
  std::string store() const { return file("store"); }
  std::string log() const { return file("jwtd.log"); }
  const std::string& customer_id() const { return customer_id_; }
  bool is_new() const { return is_new_; }

 private:
  explicit DevFolder(std::filesystem::path path) : path_(std::move(path)) {}
  Status make_folder();
  Status ensure_api_key();
  Status ensure_customer_id();
  Status ensure_caller(UnixSeconds now);
  Status ensure_certificate();

  std::filesystem::path path_;
  std::string customer_id_;
  bool is_new_ = false;
};

}  // namespace jwtd::cli
