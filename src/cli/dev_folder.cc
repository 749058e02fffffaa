// cli/dev_folder.cc - makes what is missing in the folder of `jwtd dev`, and leaves alone what is there.
#include "cli/dev_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "access/callers.h"
#include "base/secret.h"
#include "base/whole_file.h"
#include "http/tls.h"
#include "keys/api_key.h"

namespace jwtd::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCallerName = "dev";
constexpr const char* kAllScopes = "mint,read,read:pii,verify,verify:explain,revoke,callbacks,admin";
constexpr int kCertificateDays = 365;  // browsers and iOS refuse more than 825

Error unusable(const fs::path& path, int cause) {
  return Error(kDevFolderUnusable, path.string() + ": " + std::generic_category().message(cause));
}

Status write_private(const std::string& path, const std::string& text) {
  const int cause = write_whole_file(path, text, S_IRUSR | S_IWUSR);
  return cause == 0 ? Status() : unusable(path, cause);
}

bool is_there(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// A version 4 UUID in capitals, as TeleSign's customer ids look.
std::string random_customer_id() {
  std::string octets = random_octets(16);
  octets[6] = static_cast<char>((octets[6] & 0x0f) | 0x40);
  octets[8] = static_cast<char>((octets[8] & 0x3f) | 0x80);
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[static_cast<unsigned char>(octets[i]) >> 4];
    out += kHex[static_cast<unsigned char>(octets[i]) & 15];
  }
  return out;
}

}  // namespace

Status DevFolder::make_folder() {
  if (::mkdir(path_.c_str(), S_IRWXU) == 0) return {};
  if (errno != EEXIST) return unusable(path_, errno);
  std::error_code error;
  if (!fs::is_directory(path_, error)) return Error(kDevFolderUnusable, path_.string() + " is not a folder");
  if (is_there(api_key())) return {};
  if (!fs::is_empty(path_, error) || error) {
    return Error(kDevFolderUnusable, path_.string() + " is there, has other things in it, and was not made by jwtd dev; name another by --data");
  }
  return ::chmod(path_.c_str(), S_IRWXU) == 0 ? Status() : unusable(path_, errno);
}

Status DevFolder::ensure_api_key() {
  if (is_there(api_key())) return {};
  is_new_ = true;
  // Nobody should commit these keys, and a folder made inside a work tree is easily added.
  if (auto written = write_private(file(".gitignore"), "*\n"); !written) return written;
  return write_private(api_key(), keys::generate_api_key() + "\n");
}

Status DevFolder::ensure_customer_id() {
  if (is_there(file("customer_id"))) {
    auto text = read_secret_file(file("customer_id"));
    if (!text) return text.error();
    customer_id_ = std::string(text->expose());
    return {};
  }
  customer_id_ = random_customer_id();
  return write_private(file("customer_id"), customer_id_ + "\n");
}

Status DevFolder::ensure_caller(UnixSeconds now) {
  auto known = access::Callers::load(callers());
  if (!known) return known.error();
  if (is_there(caller_key())) {
    const auto key = read_secret_file(caller_key());
    if (!key) return key.error();
    if (known->authenticate("Bearer " + std::string(key->expose()), access::Scope::kAdmin)) return {};
  }
  // A new one in the place of one whose key is lost, or that an earlier jwtd made with fewer scopes.
  (void)known->remove(kCallerName).has_value();
  const auto scopes = access::parse_scopes(kAllScopes);
  if (!scopes) return scopes.error();
  auto key = known->add(kCallerName, *scopes, format_rfc3339(now * 1000));
  if (!key) return key.error();
  if (auto written = write_private(caller_key(), *key + "\n"); !written) return written;
  return known->save(callers());
}

Status DevFolder::ensure_certificate() {
  const http::TlsOptions options{certificate(), tls_key(), http::TlsMinimum::k1_2};
  // One that expired, or of which a half is lost, is made again.
  if (is_there(certificate()) && http::TlsContext::make(options, nullptr)) return {};
  return http::write_development_certificate(certificate(), tls_key(), kCertificateDays);
}

Result<DevFolder> DevFolder::open(const fs::path& path, UnixSeconds now) {
  std::error_code error;
  fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (error) return unusable(path, error.value());
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // "folder/"
  DevFolder folder(std::move(absolute));
  if (auto made = folder.make_folder(); !made) return made.error();
  if (auto made = folder.ensure_api_key(); !made) return made.error();
  if (auto made = folder.ensure_customer_id(); !made) return made.error();
  if (auto made = folder.ensure_caller(now); !made) return made.error();
  if (auto made = folder.ensure_certificate(); !made) return made.error();
  return folder;
}

}  // namespace jwtd::cli
