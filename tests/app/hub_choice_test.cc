// Names of repositories, their listings, and which of their files is meant.
#include <gmock/gmock.h>

#include "app/download/file_choice.h"
#include "app/download/hub_listing.h"
#include "app/download/hub_name.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<HubFile> files(const std::vector<std::string>& paths) {
  std::vector<HubFile> all;
  for (const std::string& path : paths) all.push_back({path, 1, ""});
  return all;
}

std::string chosen(const std::vector<std::string>& paths, const std::string& quant = "") {
  try {
    return choose_file(files(paths), quant, "me/x").path;
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(HubName, IsARepositoryAndAQuant) {
  EXPECT_EQ(parse_hub_name("me/x-1.5B_it").repo, "me/x-1.5B_it");
  EXPECT_EQ(parse_hub_name("me/x-1.5B_it").quant, "");
  EXPECT_EQ(parse_hub_name("me/x:q8_0").quant, "q8_0");
  EXPECT_EQ(parse_hub_name("me/x:latest").quant, "");
  for (const char* bad : {"", "x", "me/", "/x", "me/x/y", "me/..", "../x", "me/x:", "me/x:a/b", "me:x/y", "me/x y"}) {
    EXPECT_THROW(parse_hub_name(bad), Error) << bad;
  }
  EXPECT_EQ(file_url("https://h", "me/x", "sub dir/a+b.gguf"), "https://h/me/x/resolve/main/sub%20dir/a%2Bb.gguf");
}

TEST(HubListing, HasTheGgufFilesThatStayInTheirFolder) {
  const std::string sum(64, 'a');
  const std::vector<HubFile> got = parse_listing(R"([
    {"type": "directory", "path": "d.gguf"}, {"type": "file", "path": "README.md", "size": 3},
    {"type": "file", "path": "a/B.GGUF", "size": 7, "oid": "git", "lfs": {"oid": ")" +
                                                 sum + R"(", "size": 7}},
    {"type": "file", "path": "c.gguf", "lfs": {"oid": "short"}},
    {"type": "file", "path": "../up.gguf"}, {"type": "file", "path": "/root.gguf"}, {"type": "file", "path": "l\n.gguf"}, 5])");
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].path, "a/B.GGUF");
  EXPECT_EQ(got[0].bytes, 7);
  EXPECT_EQ(got[0].sha256, sum);
  EXPECT_EQ(got[1].bytes, -1);
  EXPECT_EQ(got[1].sha256, "");
  EXPECT_THROW(parse_listing("<html>"), Error);
  EXPECT_THROW(parse_listing("{}"), Error);
}

TEST(FileChoice, ReadsTheQuantFromTheName) {
  EXPECT_EQ(quant_of("a/x-1.5B-Q4_K_M.gguf"), "Q4_K_M");
  EXPECT_EQ(quant_of("x.q8_0.gguf"), "Q8_0");
  EXPECT_EQ(quant_of("x_v2_q4_0.gguf"), "Q4_0");
  EXPECT_EQ(quant_of("x-UD-IQ2_XXS.gguf"), "IQ2_XXS");
  EXPECT_EQ(quant_of("x-fp16.gguf"), "FP16");
  EXPECT_EQ(quant_of("-x.gguf"), "");
  EXPECT_EQ(quant_of("Qwen-2.gguf"), "");
}

TEST(FileChoice, TakesTheQuantThatWasAskedForInAnyCase) {
  EXPECT_EQ(chosen({"x-Q4_0.gguf", "x-Q8_0.gguf"}, "q8_0"), "x-Q8_0.gguf");
  EXPECT_EQ(chosen({"x.q4_1.gguf", "x.f16.gguf"}, "F16"), "x.f16.gguf");
  EXPECT_EQ(chosen({"x-BF16.gguf", "x-F16.gguf"}, "F16"), "x-F16.gguf");  // a word, not a part of one
  EXPECT_EQ(chosen({"mmproj-x-Q8_0.gguf", "x-Q8_0.gguf"}, "Q8_0"), "x-Q8_0.gguf");
  EXPECT_THAT(chosen({"x-Q4_0.gguf", "x-Q8_0.gguf"}, "F16"),
              AllOf(HasSubstr("me/x: has no file of the form F16"), HasSubstr("x-Q4_0.gguf, x-Q8_0.gguf")));
  EXPECT_THAT(chosen({"mmproj-F16.gguf"}, "F16"), HasSubstr("the repository has no GGUF model"));
}

TEST(FileChoice, RefusesFormsThatAreNotReadBeforeTheyAreFetched) {
  ASSERT_FALSE(is_readable("IQ2_XXS"));
  EXPECT_THAT(
      chosen({"x-IQ2_XXS.gguf", "x-Q8_0.gguf"}, "IQ2_XXS"),
      AllOf(HasSubstr("x-IQ2_XXS.gguf has weights of the form IQ2_XXS"), HasSubstr("can be read: x-Q8_0.gguf")));
  EXPECT_THAT(chosen({"x-IQ2_XXS.gguf"}), AllOf(HasSubstr("none that is there can be read"), HasSubstr("Q8_0")));
  EXPECT_THAT(chosen({"x-Q8_0-00001-of-00002.gguf", "x-Q8_0-00002-of-00002.gguf"}, "Q8_0"),
              HasSubstr("one of several files"));
  EXPECT_THAT(chosen({"x-Q8_0-00001-of-00002.gguf"}), HasSubstr("one of several files"));
}

TEST(FileChoice, PrefersAFormThatIsReadWhereNoneWasAskedFor) {
  EXPECT_EQ(chosen({"x-F16.gguf", "x-IQ2_XXS.gguf", "x-Q4_0.gguf", "x-Q8_0.gguf"}), "x-Q8_0.gguf");
  EXPECT_EQ(chosen({"x-F32.gguf", "x-Q4_0.gguf"}), "x-Q4_0.gguf");
  EXPECT_EQ(chosen({"imatrix.gguf", "mmproj-x-F16.gguf", "model.gguf"}), "model.gguf");
  EXPECT_EQ(chosen({"x-Q8_0-00001-of-00002.gguf", "x-F16.gguf"}), "x-F16.gguf");
  EXPECT_EQ(chosen({"x-F16.gguf", "x-Q4_K_M.gguf", "x-Q8_0.gguf"}), "x-Q4_K_M.gguf");
  EXPECT_TRUE(is_readable("Q5_K_S") && is_readable("Q6_K"));
  EXPECT_FALSE(is_readable("Q3_K_M"));
  EXPECT_TRUE(is_readable("FP16") && is_readable("F16") && is_readable("Q4_1"));
}

TEST(FileChoice, FindsTheFileThatWasNamed) {
  EXPECT_EQ(find_file(files({"a/x-IQ2_XXS.gguf"}), "a/x-IQ2_XXS.gguf", "me/x").path, "a/x-IQ2_XXS.gguf");
  EXPECT_THROW(find_file(files({"a/x.gguf"}), "x.gguf", "me/x"), Error);
}

}  // namespace
}  // namespace leankv
