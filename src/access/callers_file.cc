// access/callers_file.cc - the callers file: strict TOML in, the same form out, replaced whole.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "access/callers.h"
#include "base/limits.h"
#include "base/write_all.h"
#include "document/document.h"

namespace jwtd::access {
namespace {

using document::Node;

Error invalid(const std::string& path, const std::string& reason) { return Error(kCallersFileInvalid, path + ": " + reason); }
Error invalid_at(const std::string& path, unsigned line, const std::string& reason) {
  return Error(kCallersFileInvalid, path + ":" + std::to_string(line) + ": " + reason);
}
Error failed(const std::string& path, const char* what, int error) {
  return invalid(path, std::string(what) + ": " + std::strerror(error));
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// -- reading --

// nullopt: there is no such file.
Result<std::optional<std::string>> read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // O_NONBLOCK: a FIFO of this name must not hang us
  if (fd.get() < 0) {
    if (errno == ENOENT) return std::optional<std::string>{};
    return failed(path, "cannot be opened", errno);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failed(path, "cannot be read", errno);
  if (!S_ISREG(status.st_mode)) return invalid(path, "is not a regular file");
  std::string text;
  while (true) {
    char buffer[16 * 1024];
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, "cannot be read", errno);
    if (got == 0) return std::optional(std::move(text));
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMaxCallersFileBytes) return invalid(path, "is larger than " + std::to_string(kMaxCallersFileBytes) + " octets");
  }
}

bool is_lower_hex_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Shape only: it is shown, never calculated with.
bool is_rfc3339(std::string_view text) {
  return text.size() >= 20 && text.size() <= 35 && text.find_first_not_of("0123456789-:.TZ+") == std::string_view::npos;
}

struct Wrong {
  unsigned line;
  std::string reason;
};

std::optional<Wrong> read_scopes(const Node& node, Caller& caller) {
  if (node.kind != Node::Kind::kList || node.items.empty()) return Wrong{node.line, "scope must be a list such as [\"read\", \"mint\"]"};
  for (const Node& item : node.items) {
    if (item.kind != Node::Kind::kText) return Wrong{item.line, "scope must hold strings only"};
    const Result<std::uint8_t> scope =
        item.text.find(',') == std::string::npos ? parse_scopes(item.text) : Error(kScopeUnknown, "not a list in a string");
    if (!scope) return Wrong{item.line, scope.error().message()};
    if ((caller.scopes & *scope) != 0) return Wrong{item.line, "scope has \"" + item.text + "\" twice"};
    caller.scopes |= *scope;
  }
  return std::nullopt;
}

std::optional<Wrong> read_text(const Node& node, bool (*is_good)(std::string_view), const char* shape, std::string& out) {
  if (node.kind != Node::Kind::kText || !is_good(node.text)) return Wrong{node.line, node.name + " must be " + shape};
  out = node.text;
  return std::nullopt;
}

bool is_something(std::string_view text) { return !text.empty(); }

std::optional<Wrong> read_caller(const Node& table, Caller& caller) {
  for (const Node& value : table.items) {
    std::optional<Wrong> wrong;
    if (value.name == "name") {
      wrong = read_text(value, is_something, "a string", caller.name);
    } else if (value.name == "key_sha256") {
      wrong = read_text(value, is_lower_hex_sha256, "64 lower-case hex digits", caller.key_sha256);
    } else if (value.name == "created") {
      wrong = read_text(value, is_rfc3339, "a string such as \"2026-11-23T22:00:00Z\"", caller.created);
    } else if (value.name == "scope") {
      wrong = read_scopes(value, caller);
    } else {
      wrong = Wrong{value.line, "unknown key \"" + value.name + "\"; a caller has name, key_sha256, scope and created"};
    }
    if (wrong) return wrong;
  }
  for (const char* const key : {"name", "key_sha256", "scope", "created"}) {
    if (!table.member(key)) return Wrong{table.line, std::string("this caller has no ") + key};
  }
  return std::nullopt;
}

// -- writing --

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string resolved(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : path;
}

// What the old file, if any, grants to owner and group counts on.
Status take_over_rights(int fd, const std::string& path) {
  struct stat old {};
  if (::stat(path.c_str(), &old) != 0) return {};
  struct stat fresh {};
  if (::fstat(fd, &fresh) != 0) return failed(path, "cannot be written", errno);
  if ((old.st_uid != fresh.st_uid || old.st_gid != fresh.st_gid) && ::fchown(fd, old.st_uid, old.st_gid) != 0) {
    return failed(path, "belongs to another user or group, which cannot be kept", errno);
  }
  if (::fchmod(fd, old.st_mode & 0660) != 0) return failed(path, "cannot be written", errno);
  return {};
}

Status replace_file(const std::string& path, std::string_view text) {
  std::string temporary = path + ".XXXXXX";
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (fd.get() < 0) return failed(path, "cannot be written", errno);
  Status status = take_over_rights(fd.get(), path);
  if (status && (!write_all(fd.get(), text) || ::fsync(fd.get()) != 0)) status = failed(path, "cannot be written", errno);
  if (status && ::rename(temporary.c_str(), path.c_str()) != 0) status = failed(path, "cannot be replaced", errno);
  if (!status) {
    ::unlink(temporary.c_str());
    return status;
  }
  const Fd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return failed(path, "its folder cannot be synced", errno);
  return {};
}

}  // namespace

Result<Callers> Callers::parse(std::string_view text, const std::string& path) {
  const document::Document document = document::parse_toml(text);
  if (document.error_line != 0) return invalid_at(path, document.error_line, document.error);
  Callers callers;
  for (const Node& list : document.root.items) {
    if (list.name != "caller") return invalid_at(path, list.line, "unknown key \"" + list.name + "\"; there are only [[caller]] tables");
    const auto is_table = [](const Node& item) { return item.kind == Node::Kind::kTable; };
    if (list.kind != Node::Kind::kList || !std::all_of(list.items.begin(), list.items.end(), is_table)) {
      return invalid_at(path, list.line, "each caller is a table headed [[caller]]");
    }
    for (const Node& item : list.items) {
      Caller caller;
      if (const std::optional<Wrong> wrong = read_caller(item, caller)) return invalid_at(path, wrong->line, wrong->reason);
      if (const Status status = callers.insert(std::move(caller)); !status) return invalid_at(path, item.line, status.error().message());
    }
  }
  return callers;
}

Result<Callers> Callers::load(const std::string& path) {
  Result<std::optional<Callers>> callers = load_if_there(path);
  if (!callers) return callers.error();
  return std::move(*callers).value_or(Callers{});
}

Result<std::optional<Callers>> Callers::load_if_there(const std::string& path) {
  Result<std::optional<std::string>> text = read_file(path);
  if (!text) return text.error();
  if (!text->has_value()) return std::optional<Callers>{};
  Result<Callers> callers = parse(**text, path);
  if (!callers) return callers.error();
  return std::optional(std::move(*callers));
}

// Nothing here needs quoting: names are out of a small alphabet, and the rest is hex digits, scopes and a date.
Status Callers::save(const std::string& path) const {
  std::string text =
      "# Who may call jwtd, and what for. Written by `jwtd caller add` and `jwtd caller remove`; comments do not survive them.\n";
  for (const Caller& caller : callers_) {
    text += "\n[[caller]]\nname = \"" + caller.name + "\"\nkey_sha256 = \"" + caller.key_sha256 + "\"\nscope = [";
    const char* comma = "";
    for (const std::string& scope : caller.scope_names()) {
      text += comma;
      text += '"' + scope + '"';
      comma = ", ";
    }
    text += "]\ncreated = \"" + caller.created + "\"\n";
  }
  return replace_file(resolved(path), text);
}

}  // namespace jwtd::access
