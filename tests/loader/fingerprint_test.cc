#include "loader/fingerprint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace leankv {
namespace {

std::string golden() {
  std::ifstream file(std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny.gguf", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

uint64_t fingerprint_of(const std::string& bytes, const std::string& name = "a") {
  return fingerprint(GgufFile(std::as_bytes(std::span(bytes)), name));
}

TEST(Fingerprint, IsOfTheWeightsNotOfTheFilesName) {
  const std::string bytes = golden();
  EXPECT_EQ(fingerprint_of(bytes, "a"), fingerprint_of(bytes, "b"));
}

TEST(Fingerprint, ChangesWithTheFirstBytesOfEveryTensor) {
  const std::string bytes = golden();
  const GgufFile file(std::as_bytes(std::span(bytes)), "whole");
  ASSERT_GT(file.tensors().size(), 10u);
  for (const TensorInfo& tensor : file.tensors()) {
    std::string other = bytes;
    other[tensor.offset] = char(other[tensor.offset] ^ 1);
    EXPECT_NE(fingerprint_of(other), fingerprint_of(bytes)) << tensor.name;
  }
}

TEST(Fingerprint, MetadataDoNotCount) {
  std::string bytes = golden();
  const GgufFile file(std::as_bytes(std::span(bytes)), "whole");
  const std::string_view name = file.string("general.architecture");
  ASSERT_FALSE(name.empty());
  std::string other = bytes;
  other[std::size_t(name.data() - bytes.data())] ^= 1;
  EXPECT_EQ(fingerprint_of(other), fingerprint_of(bytes));
}

}  // namespace
}  // namespace leankv
