// Models come from a hub as they should, whatever the network, the disk and other processes do.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/download/fetched_model.h"
#include "app/download/sha256.h"
#include "app/download/transfer_head.h"
#include "app/hub_server.h"
#include "base/error.h"

namespace leankv {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Downloads : public ::testing::Test {
 protected:
  Downloads() {
    setenv("no_proxy", "*", 1);
    unsetenv("HF_TOKEN");
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    cache_ = ::testing::TempDir() + "leankv_downloads_" + info->name();
    fs::remove_all(cache_);
    for (int i = 0; i < 100'000; ++i) whole_ += char(i * 31 % 251);
    hub_.files["x-Q8_0.gguf"] = whole_;
    hub_.sha256["x-Q8_0.gguf"] = sha256_of_text(whole_);
    options_.repo = "me/tiny:q8_0";
    manner_.limits.pause = std::chrono::milliseconds(0);
    manner_.should_stop = [this] { return stop_; };
    manner_.say = [](const std::string&) {};
  }
  ~Downloads() override { fs::remove_all(cache_); }
  void SetUp() override { ASSERT_TRUE(hub_.ready()); }

  std::string fetch() const { return fetched_model(options_, {cache_, hub_.url()}, manner_); }
  std::string refusal() const {
    try {
      return "fetched " + fetch();
    } catch (const Error& error) {
      return error.what();
    }
  }
  std::string path() const { return cache_ + "/hub/me/tiny/x-Q8_0.gguf"; }
  std::string part() const { return path() + ".part"; }

  test::TestHub hub_;
  std::string cache_, whole_;
  DownloadOptions options_;
  DownloadManner manner_;
  bool stop_ = false;
};

TEST_F(Downloads, BringAFileOnceAndNeedNoNetworkThen) {
  EXPECT_EQ(fetch(), path());
  EXPECT_EQ(bytes_of(path()), whole_);
  EXPECT_FALSE(fs::exists(part()));
  EXPECT_FALSE(fs::exists(part() + ".etag"));
  const std::size_t requests = hub_.asked().size();
  hub_.stop();
  EXPECT_EQ(fetch(), path());
  options_.repo = "me/tiny:Q8_0";  // the same quant
  EXPECT_EQ(fetch(), path());
  options_ = {.repo = "me/tiny", .file = "x-Q8_0.gguf", .url = "", .token = ""};
  EXPECT_EQ(fetch(), path());
  EXPECT_EQ(hub_.asked().size(), requests);
  options_ = {.repo = "me/tiny:F16", .file = "", .url = "", .token = ""};
  EXPECT_THAT(refusal(), AllOf(HasSubstr("me/tiny: " + hub_.url() + " cannot be reached"), HasSubstr("with -m")));
}

TEST_F(Downloads, ChooseAFileWhereNoneWasNamed) {
  hub_.files["sub/x-F16.gguf"] = "another";
  options_.repo = "me/tiny";
  EXPECT_EQ(fetch(), path());
  options_.file = "sub/x-F16.gguf";
  EXPECT_EQ(bytes_of(fetch()), "another");
  options_.repo = "me/tiny:Q8_0";
  EXPECT_THAT(refusal(), HasSubstr("both choose the file"));
  options_ = {.repo = "me/tiny", .file = "../x.gguf", .url = "", .token = ""};
  EXPECT_THAT(refusal(), HasSubstr("no path in a repository"));
}

TEST_F(Downloads, ShowTheTokenToTheHubAlone) {
  hub_.token = "hf_secret";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("HTTP 401"), HasSubstr("HF_TOKEN")));
  options_.token = "hf_other";
  EXPECT_THAT(refusal(), HasSubstr("the token is not accepted"));
  options_.token = "";
  setenv("HF_TOKEN", "hf_secret", 1);
  EXPECT_EQ(fetch(), path());
  unsetenv("HF_TOKEN");
  EXPECT_EQ(hub_.asked().back().header("Authorization"), "Bearer hf_secret");
  ASSERT_EQ(hub_.asked_of_store().size(), 1u);
  EXPECT_FALSE(hub_.asked_of_store()[0].headers.contains("Authorization"));
  options_ = {.repo = "me/tiny:F16", .file = "", .url = "", .token = "two\r\nlines"};
  EXPECT_THAT(refusal(), HasSubstr("characters that no token has"));
}

TEST_F(Downloads, GoOnWhereTheConnectionBroke) {
  hub_.cuts = 3;
  EXPECT_EQ(fetch(), path());
  EXPECT_EQ(bytes_of(path()), whole_);
  const std::vector<test::Asked> asked = hub_.asked_of_store();
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[0].header("Range"), "");
  EXPECT_EQ(asked[1].header("Range"), "bytes=50000-");
  EXPECT_EQ(asked[3].header("Range"), "bytes=87500-");
  EXPECT_EQ(asked[3].header("If-Range"), "\"one\"");
}

TEST_F(Downloads, GoOnInTheNextProcess) {
  hub_.cuts = 1;
  stop_ = true;  // Ctrl-C
  EXPECT_THAT(refusal(), HasSubstr("interrupted"));
  stop_ = false;
  manner_.limits.attempts = 0;  // every break is the last
  EXPECT_THAT(refusal(), AllOf(HasSubstr("broke off"), HasSubstr("run the same again to go on")));
  EXPECT_EQ(bytes_of(part()), whole_.substr(0, 50'000));
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_EQ(fetch(), path());
  EXPECT_EQ(bytes_of(path()), whole_);
  EXPECT_EQ(hub_.asked_of_store().back().header("Range"), "bytes=50000-");
}

TEST_F(Downloads, StartAnewWhereTheFileHasChanged) {
  hub_.cuts = 1;
  manner_.limits.attempts = 0;
  EXPECT_THAT(refusal(), HasSubstr("broke off"));
  const std::string other = std::string(99'000, 'x');
  hub_.files["x-Q8_0.gguf"] = other;
  hub_.sha256["x-Q8_0.gguf"] = sha256_of_text(other);
  hub_.etag = "\"two\"";
  EXPECT_EQ(bytes_of(fetch()), other);
}

TEST_F(Downloads, StartAnewWhereNothingTellsFilesApart) {
  hub_.etag = "";
  hub_.cuts = 1;
  EXPECT_EQ(bytes_of(fetch()), whole_);
  EXPECT_EQ(hub_.asked_of_store().back().header("Range"), "");
}

TEST_F(Downloads, FinishAPartThatIsWholeAndDropOneThatIsTooLong) {
  fs::create_directories(fs::path(path()).parent_path());
  std::ofstream(part() + ".etag") << hub_.etag;
  std::ofstream(part(), std::ios::binary) << whole_;
  EXPECT_EQ(fetch(), path());
  EXPECT_EQ(hub_.asked_of_store().size(), 0u);
  fs::remove(path());
  std::ofstream(part() + ".etag") << hub_.etag;
  std::ofstream(part(), std::ios::binary) << whole_ << "more";
  manner_.limits.attempts = 2;
  EXPECT_EQ(bytes_of(fetch()), whole_);
}

TEST_F(Downloads, DropDamagedBytes) {
  hub_.sha256["x-Q8_0.gguf"] = std::string(64, '0');
  EXPECT_THAT(refusal(), AllOf(HasSubstr("came damaged"), HasSubstr("SHA-256")));
  EXPECT_FALSE(fs::exists(path()) || fs::exists(part()));
}

TEST_F(Downloads, SayWhatTheHubRefuses) {
  hub_.status = 403;
  EXPECT_THAT(refusal(), AllOf(HasSubstr("HTTP 403"), HasSubstr("accept its terms")));
  hub_.status = 404;
  EXPECT_THAT(refusal(), HasSubstr("is not there (HTTP 404)"));
  hub_.status = 500;
  EXPECT_THAT(refusal(), HasSubstr("answers HTTP 500"));
  hub_.status = 200;
  options_.repo = "me/other";
  EXPECT_THAT(refusal(), HasSubstr("me/other: is not there (HTTP 404)"));
  options_.repo = "me/tiny:F16";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("no file of the form F16"), HasSubstr("x-Q8_0.gguf")));
}

TEST_F(Downloads, GiveUpOnASilentServer) {
  hub_.cuts = 1;
  hub_.stalls = true;
  manner_.limits.attempts = 0;
  manner_.limits.stall = std::chrono::seconds(1);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("broke off"), HasSubstr("too slow")));
  EXPECT_EQ(bytes_of(part()).size(), 50'000u);
}

TEST_F(Downloads, SayThatTheDiskIsFull) {
  fs::create_directories(fs::path(path()).parent_path());
  fs::create_symlink("/dev/full", part());
  EXPECT_THAT(refusal(), AllOf(HasSubstr("No space left"), HasSubstr("make room")));
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(Downloads, SayThatTheFolderCannotBeWritten) {
  std::ofstream(cache_) << "a file";
  EXPECT_THAT(refusal(), HasSubstr("LEANKV_CACHE names another folder"));
}

TEST_F(Downloads, OfTwoAtOnceAreOne) {
  std::string paths[2];
  {
    std::thread other([&] { paths[1] = refusal(); });
    paths[0] = refusal();
    other.join();
  }
  EXPECT_EQ(paths[0], "fetched " + path());
  EXPECT_EQ(paths[1], "fetched " + path());
  EXPECT_EQ(bytes_of(path()), whole_);
  EXPECT_EQ(hub_.asked_of_store().size(), 1u);
}

TEST_F(Downloads, OfAnyUrl) {
  options_ = {.repo = "", .file = "", .url = hub_.store_url() + "/x-Q8_0.gguf?download=true", .token = "hf_secret"};
  const std::string got = fetch();
  EXPECT_THAT(got, AllOf(HasSubstr(cache_ + "/url/"), ::testing::EndsWith("/x-Q8_0.gguf")));
  EXPECT_EQ(bytes_of(got), whole_);
  EXPECT_EQ(hub_.asked_of_store()[0].header("Authorization"), "");  // not the hub
  // A part that is whole, of a size that nobody said: the server refuses the rest.
  fs::rename(got, got + ".part");
  std::ofstream(got + ".part.etag") << hub_.etag;
  EXPECT_EQ(fetch(), got);
  EXPECT_EQ(hub_.asked_of_store().back().header("Range"), "bytes=100000-");
  hub_.stop();
  EXPECT_EQ(fetch(), got);
  options_.url = "ftp://x/y.gguf";
  EXPECT_THAT(refusal(), HasSubstr("neither https:// nor http://"));
}

TEST(TransferHead, IsThatOfTheLastAnswer) {
  const std::string sum(64, 'b');
  HeadReader reader;
  for (const std::string& line :
       {std::string("HTTP/1.1 302 Found\r\n"), "X-Linked-Etag: \"" + sum + "\"\r\n", std::string("ETag: \"git\"\r\n"),
        std::string("Content-Length: 9\r\n"), std::string("\r\n"), std::string("HTTP/2 206\r\n"),
        std::string("etag: \"store\"\r\n"), std::string("content-length: 50\r\n"),
        std::string("content-range: bytes 50-99/100\r\n")}) {
    reader.line(line);
  }
  EXPECT_EQ(reader.head().status, 206);
  EXPECT_EQ(reader.head().from, 50);
  EXPECT_EQ(reader.head().total_bytes, 100);
  EXPECT_EQ(reader.head().etag, "\"store\"");
  EXPECT_EQ(reader.head().linked_etag, sum);
  reader.line("HTTP/1.1 200 OK");
  reader.line("ETag: W/\"weak\"");
  EXPECT_EQ(reader.head().etag, "");
}

}  // namespace
}  // namespace leankv
