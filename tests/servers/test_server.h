// tests/servers/test_server.h - real servers for test programs: the shared one that tests/run.py started, or one of a test's own to kill.
//
//   JWTD_NEEDS_SERVER("postgresql");                       // skips with the reason when there is none
//   const std::string url = shared_server("postgresql")->url;
//   TestServer own("postgresql");                          // ASSERT_TRUE(own.runs()) << own.why(); own.say("kill"); own.say("start");
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace jwtd {

struct SharedServer {
  std::string url;      // empty: there is none
  std::string missing;  // why
};

// Of the environment: JWTD_TEST_POSTGRESQL, JWTD_TEST_POSTGRESQL_MISSING.
inline SharedServer shared_server(std::string_view kind) {
  std::string name = "JWTD_TEST_";
  for (const char c : kind) name.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  if (const char* url = std::getenv(name.c_str()); url && *url) return {url, {}};
  const char* why = std::getenv((name + "_MISSING").c_str());
  return {{}, why ? why : name + " is not set; tests/run.py sets it"};
}

#define JWTD_NEEDS_SERVER(kind) \
  if (const auto shared = ::jwtd::shared_server(kind); shared.url.empty()) GTEST_SKIP() << "no " << (kind) << ": " << shared.missing

// One server for one test, at the end of a pipe to control.py; ends with this object.
class TestServer {
 public:
  explicit TestServer(const std::string& kind) {
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) return;
    const char* servers = std::getenv("JWTD_TEST_SERVERS");  // this folder; tests/run.py sets it
    const std::string control = std::string(servers ? servers : "tests/servers") + "/control.py";
    std::string pattern = (std::filesystem::temp_directory_path() / "jwtd-server-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(to[0], 0);
      ::dup2(from[1], 1);
      ::execl("/usr/bin/python3", "python3", control.c_str(), kind.c_str(), folder_.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = ::fdopen(to[1], "w");
    from_ = ::fdopen(from[0], "r");
    answer_ = line();
    if (answer_.starts_with("url ")) url_ = answer_.substr(4);
  }

  ~TestServer() {
    if (to_) std::fclose(to_);
    if (from_) std::fclose(from_);
    if (process_ > 0) ::waitpid(process_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  bool runs() const { return !url_.empty(); }
  const std::string& why() const { return answer_; }
  const std::string& url() const { return url_; }

  // "start", "stop", "kill", "pause", "resume"; returns when it is done.
  void say(const char* word) {
    std::fprintf(to_, "%s\n", word);
    std::fflush(to_);
    EXPECT_EQ(line(), "ok") << word;
  }

 private:
  std::string line() {
    char* text = nullptr;
    std::size_t room = 0;
    const auto size = ::getline(&text, &room, from_);
    std::string out(text && size > 0 ? std::string_view(text, static_cast<std::size_t>(size)) : std::string_view());
    std::free(text);
    if (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }

  std::string folder_, url_, answer_;
  pid_t process_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

}  // namespace jwtd
