#include "loader/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "base/error.h"
#include "loader/file_bytes.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string refusal(const std::string& path) {
  try {
    MappedFile file(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadFile);
    return error.what();
  }
  ADD_FAILURE() << path << " was mapped";
  return {};
}

TEST(MappedFile, HoldsTheBytesOfTheFile) {
  const std::string path = test::golden_path("gguf/tiny.gguf");
  const MappedFile file(path);
  EXPECT_THAT(test::file_bytes(path), testing::ElementsAreArray(file.bytes()));
}

TEST(MappedFile, MovesWithoutMovingTheBytes) {
  MappedFile first(test::golden_path("gguf/tiny.gguf"));
  const std::byte* data = first.bytes().data();
  MappedFile second(std::move(first));
  EXPECT_EQ(second.bytes().data(), data);
  EXPECT_TRUE(first.bytes().empty());
  MappedFile third(test::golden_path("gguf/tiny.f32"));
  third = std::move(second);
  EXPECT_EQ(third.bytes().data(), data);
}

TEST(MappedFile, ErrorsNameThePathAndTheReason) {
  const std::string absent = testing::TempDir() + "leankv_absent_file";
  EXPECT_THAT(refusal(absent), StartsWith(absent + ": cannot open: No such file"));
  EXPECT_THAT(refusal(testing::TempDir()), HasSubstr("not a regular file"));
  const std::string empty = testing::TempDir() + "leankv_mapped_file_test_empty";
  std::ofstream(empty).close();
  EXPECT_EQ(refusal(empty), empty + ": the file is empty");
  std::remove(empty.c_str());
}

}  // namespace
}  // namespace leankv
