// base/log_test.cc - the queue and its writer: order, bounds, rotation, and files that refuse.
#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "base/limits.h"

namespace jwtd {
namespace {

class LogFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "jwtd_log_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Log> open(LogLevel level = LogLevel::kInfo) const {
    return Log::open({.format = LogFormat::kText, .level = level, .file = path_}).value();
  }

  // The lines of a file, each without its time.
  static std::vector<std::string> lines(const std::string& path) {
    std::ifstream in(path);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line.substr(line.find(' ') + 1));
    return all;
  }

  using Lines = std::vector<std::string>;
  std::string folder_;
  std::string path_;
};

TEST_F(LogFile, AFlushedLineIsInTheFile) {
  const auto log = open();
  log->info("started", {{"port", 8443}, {"tls", true}});
  log->flush();
  EXPECT_EQ(lines(path_), (Lines{"INFO started port=8443 tls=true"}));
}

TEST_F(LogFile, TheEndWritesWhatIsQueued) {
  open()->info("last");
  EXPECT_EQ(lines(path_), (Lines{"INFO last"}));
}

TEST_F(LogFile, LinesBelowTheLevelAreLeftOut) {
  {
    const auto log = open(LogLevel::kWarn);
    EXPECT_FALSE(log->enabled(LogLevel::kInfo));
    log->info("no");
    log->warn("yes");
    log->error("also");
  }
  EXPECT_EQ(lines(path_), (Lines{"WARN yes", "ERROR also"}));
}

TEST_F(LogFile, AnOldFileIsContinued) {
  open()->info("one");
  open()->info("two");
  EXPECT_EQ(lines(path_), (Lines{"INFO one", "INFO two"}));
}

TEST_F(LogFile, EachThreadsLinesKeepTheirOrder) {
  constexpr int kThreads = 4;
  constexpr int kLines = 2000;
  {
    const auto log = open();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < kLines; ++i) log->info("line", {{"thread", t}, {"number", i}});
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(log->dropped(), 0u);
  }
  std::vector<int> next(kThreads, 0);
  for (const std::string& line : lines(path_)) {
    int t = -1;
    int i = -1;
    ASSERT_EQ(std::sscanf(line.c_str(), "INFO line thread=%d number=%d", &t, &i), 2) << line;
    ASSERT_EQ(i, next.at(static_cast<std::size_t>(t))++);
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kLines));
}

TEST_F(LogFile, TheFileIsNotForEverybody) {
  open();
  struct stat about {};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & S_IRWXO, 0u);
}

TEST_F(LogFile, AnAbsentFolderIsAnError) {
  const auto log = Log::open({.file = folder_ + "/absent/log"});
  ASSERT_FALSE(log);
  EXPECT_TRUE(log.error().is(kLogUnwritable));
  EXPECT_EQ(log.error().detail(), folder_ + "/absent/log: No such file or directory");
}

TEST_F(LogFile, AFailedOpenLeavesStandardErrorAlone) {
  ASSERT_FALSE(Log::open({.file = folder_ + "/absent/log"}));
  EXPECT_NE(::fcntl(STDERR_FILENO, F_GETFD), -1);
}

TEST_F(LogFile, ReopenFollowsTheName) {
  const auto log = open();
  log->info("one");
  log->flush();
  std::filesystem::rename(path_, path_ + ".1");
  ASSERT_TRUE(log->reopen());
  log->info("two");
  log->flush();
  EXPECT_EQ(lines(path_ + ".1"), (Lines{"INFO one"}));
  EXPECT_EQ(lines(path_), (Lines{"INFO two"}));
}

TEST_F(LogFile, AFailedReopenKeepsTheOldFile) {
  std::filesystem::create_directory(folder_ + "/a");
  path_ = folder_ + "/a/log";
  const auto log = open();
  std::filesystem::rename(folder_ + "/a", folder_ + "/b");
  const auto status = log->reopen();
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(kLogUnwritable));
  log->info("still");
  log->flush();
  EXPECT_EQ(lines(folder_ + "/b/log"), (Lines{"INFO still"}));
}

TEST_F(LogFile, ReopenedTwiceTheLastOneCounts) {
  const auto log = open();
  ASSERT_TRUE(log->reopen());
  std::filesystem::rename(path_, path_ + ".1");
  ASSERT_TRUE(log->reopen());
  log->info("here");
  log->flush();
  EXPECT_EQ(lines(path_), (Lines{"INFO here"}));
}

TEST_F(LogFile, ReopeningKeepsNoDescriptorOpen) {
  const auto open_files = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  const auto log = open();
  const auto before = open_files();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(log->reopen());
  log->flush();
  EXPECT_EQ(open_files(), before);
}

TEST_F(LogFile, AFullDiskLosesLinesAndTheReportComesWhenItCan) {
  std::filesystem::create_symlink("/dev/full", path_);
  const auto log = open();
  for (int i = 0; i < 3; ++i) log->info("lost");
  log->flush();
  EXPECT_EQ(log->dropped(), 3u);

  std::filesystem::remove(path_);
  ASSERT_TRUE(log->reopen());
  log->info("kept");
  log->flush();
  EXPECT_EQ(lines(path_), (Lines{"WARN log_lines_dropped lines=3", "INFO kept"}));
  EXPECT_EQ(log->dropped(), 3u);
}

// A FIFO with a reader that the test moves.
class LogPipe : public LogFile {
 protected:
  void SetUp() override {
    LogFile::SetUp();
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    reader_ = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);  // non-blocking: there is no writer yet
    ASSERT_GE(reader_, 0);
    ASSERT_EQ(::fcntl(reader_, F_SETFL, 0), 0);
  }
  void TearDown() override {
    hang_up();
    LogFile::TearDown();
  }

  void hang_up() {
    if (reader_ >= 0) ::close(reader_);
    reader_ = -1;
  }

  // Until the writer closes its end.
  std::string read_all() const {
    std::string all;
    std::vector<char> buffer(64 * 1024);
    for (ssize_t got = 0; (got = ::read(reader_, buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return all;
  }

  int reader_ = -1;
};

TEST_F(LogPipe, LinesArriveWholeAndInOrder) {
  std::string got;
  auto log = open();
  std::thread reader([&] { got = read_all(); });
  for (int i = 0; i < 5000; ++i) log->info("line", {{"number", i}});
  log.reset();
  reader.join();
  int next = 0;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = got.find('\n', begin)) != std::string::npos; begin = end + 1) {
    ASSERT_TRUE(got.substr(begin, end - begin).ends_with(" INFO line number=" + std::to_string(next)));
    ++next;
  }
  EXPECT_EQ(next, 5000);
  EXPECT_EQ(begin, got.size());
}

TEST_F(LogPipe, NobodyWhoLogsWaitsForAReaderAndEveryLineIsKeptOrCounted) {
  // More than queue, batch in flight and pipe hold together; this loop ends only because nothing in it waits.
  constexpr std::uint64_t kLines = 3 * kMaxLogQueueBytes / kMaxLogLineBytes;
  auto log = open();
  const std::string value(2 * kMaxLogLineBytes, 'x');
  for (std::uint64_t i = 0; i < kLines; ++i) log->info("filler", {{"v", value}});
  const std::uint64_t dropped = log->dropped();
  EXPECT_GT(dropped, 0u);

  std::string got;
  std::thread reader([&] { got = read_all(); });
  log.reset();
  reader.join();
  const auto count = [&](std::string_view event) {
    std::uint64_t n = 0;
    for (std::size_t at = 0; (at = got.find(event, at)) != std::string::npos; ++at) ++n;
    return n;
  };
  EXPECT_EQ(count(" INFO filler "), kLines - dropped);
  EXPECT_EQ(count(" WARN log_lines_dropped lines=" + std::to_string(dropped) + "\n"), 1u);
}

TEST_F(LogPipe, AReaderThatWentAwayKillsNobody) {
  const auto log = open();
  hang_up();
  log->error("unheard");
  log->flush();
  log->error("again");
  log->flush();
  EXPECT_EQ(log->dropped(), 2u);
}

TEST(Log, WithoutAFileItIsStandardError) {
  testing::internal::CaptureStderr();
  Log::open({}).value()->info("hello");
  const std::string got = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(got.starts_with(R"({"time":"2)")) << got;
  EXPECT_TRUE(got.ends_with("\"level\":\"info\",\"event\":\"hello\"}\n")) << got;
}

TEST(Log, StandardErrorIsReopenedByDoingNothing) {
  const auto log = Log::open({}).value();
  EXPECT_TRUE(log->reopen());
}

}  // namespace
}  // namespace jwtd
