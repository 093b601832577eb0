// Reads the file that tools/make_gguf_goldens.py wrote with the gguf package.
#include "loader/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "loader/file_bytes.h"

namespace leankv {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kPath = test::golden_path("gguf/tiny.gguf");

// The message of the leankv::Error that f throws, checked to be one line of the wanted kind.
template <class F>
std::string error_of(F&& f, ErrorKind kind) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Gguf, ReadsEveryScalarType) {
  const GgufFile file(kPath);
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(file.string("general.architecture"), "test");
  EXPECT_EQ(file.integer("test.u8"), 200);
  EXPECT_EQ(file.integer("test.i8"), -100);
  EXPECT_EQ(file.integer("test.u16"), 60000);
  EXPECT_EQ(file.integer("test.i16"), -30000);
  EXPECT_EQ(file.integer("test.u32"), 4000000000);
  EXPECT_EQ(file.integer("test.i32"), -2000000000);
  EXPECT_EQ(file.integer("test.i64"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(file.number("test.u64"), 18446744073709551616.0);
  EXPECT_EQ(file.number("test.f32"), double(0.1f));
  EXPECT_EQ(file.number("test.f64"), 0.1);
  EXPECT_EQ(file.number("test.i8"), -100.0);
  EXPECT_TRUE(file.boolean("test.true"));
  EXPECT_FALSE(file.boolean("test.false"));
  EXPECT_EQ(file.string("test.string"), "Grüße\n");
  EXPECT_EQ(file.string("test.empty"), "");
}

TEST(Gguf, ReadsEveryArrayType) {
  const GgufFile file(kPath);
  EXPECT_THAT(file.integers("test.array.u8"), ElementsAre(0, 255));
  EXPECT_THAT(file.integers("test.array.i8"), ElementsAre(-128, 127));
  EXPECT_THAT(file.integers("test.array.u16"), ElementsAre(0, 65535));
  EXPECT_THAT(file.integers("test.array.i16"), ElementsAre(-32768, 32767));
  EXPECT_THAT(file.integers("test.array.u32"), ElementsAre(0, 4294967295));
  EXPECT_THAT(file.integers("test.array.i32"), ElementsAre(-2147483648, 2147483647));
  EXPECT_THAT(file.integers("test.array.u64"), ElementsAre(0, std::numeric_limits<int64_t>::max()));
  EXPECT_THAT(file.integers("test.array.i64"),
              ElementsAre(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()));
  EXPECT_THAT(file.numbers("test.array.f32"), ElementsAre(0.5, -0.25, 3.0));
  EXPECT_THAT(file.numbers("test.array.f64"), ElementsAre(0.1, -1e300));
  EXPECT_THAT(file.numbers("test.array.i8"), ElementsAre(-128.0, 127.0));
  EXPECT_THAT(file.integers("test.array.bool"), ElementsAre(1, 0, 1));
  EXPECT_THAT(file.strings("test.array.string"), ElementsAre("a", "", "Ġthe", "b", "c", "d", "e", "f"));
}

TEST(Gguf, FallbackIsForAbsentKeysOnly) {
  const GgufFile file(kPath);
  EXPECT_EQ(file.integer("absent", 7), 7);
  EXPECT_EQ(file.number("absent", 0.5), 0.5);
  EXPECT_TRUE(file.boolean("absent", true));
  EXPECT_EQ(file.string("absent", "none"), "none");
  EXPECT_EQ(file.integer("test.u8", 7), 200);
  EXPECT_EQ(file.find("absent"), nullptr);
  error_of([&] { file.integer("test.string", 7); }, ErrorKind::kBadFile);
}

TEST(Gguf, WrongTypesNameTheKey) {
  const GgufFile file(kPath);
  const auto missing = error_of([&] { file.integer("absent"); }, ErrorKind::kBadFile);
  EXPECT_THAT(missing, StartsWith(kPath));
  EXPECT_THAT(missing, HasSubstr("'absent' is missing"));
  const auto wrong = [&](auto read) { return error_of(read, ErrorKind::kBadFile); };
  EXPECT_THAT(wrong([&] { file.integer("test.f32"); }), HasSubstr("'test.f32' must be an integer"));
  EXPECT_THAT(wrong([&] { file.integer("test.u64"); }), HasSubstr("below 2^63, but it is u64"));
  EXPECT_THAT(wrong([&] { file.integer("test.array.u8"); }), HasSubstr("u8[2]"));
  EXPECT_THAT(wrong([&] { file.number("test.true"); }), HasSubstr("bool"));
  EXPECT_THAT(wrong([&] { file.boolean("test.u8"); }), HasSubstr("must be a bool, but it is u8"));
  EXPECT_THAT(wrong([&] { file.string("test.array.string"); }), HasSubstr("string[8]"));
  EXPECT_THAT(wrong([&] { file.strings("test.string"); }), HasSubstr("must be an array of strings"));
  EXPECT_THAT(wrong([&] { file.integers("test.array.f32"); }), HasSubstr("f32[3]"));
  EXPECT_THAT(wrong([&] { file.numbers("test.array.bool"); }), HasSubstr("bool[3]"));
}

TEST(Gguf, TensorsHaveTheShapeOfMatrices) {
  const GgufFile file(kPath);
  EXPECT_EQ(file.tensors().size(), 14u);
  const TensorView matrix = file.tensor("f32"), vector = file.tensor("vector");
  EXPECT_EQ(matrix.rows, 3);
  EXPECT_EQ(matrix.columns, 5);
  EXPECT_EQ(vector.rows, 1);
  EXPECT_EQ(vector.columns, 7);
  EXPECT_EQ(file.tensor("q4_1").type, WeightType::kQ4_1);
  EXPECT_TRUE(file.has_tensor("cube"));
  EXPECT_FALSE(file.has_tensor("sphere"));
}

TEST(Gguf, DequantisesLikeTheGgufPackage) {
  const GgufFile file(kPath);
  const auto expected = test::file_bytes(test::golden_path("gguf/tiny.f32"));
  std::size_t at = 0;
  for (const char* name :
       {"f32", "vector", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q5_k", "q6_k"}) {
    const TensorView tensor = file.tensor(name);
    std::vector<float> values(tensor.rows * tensor.columns);
    dequantise(tensor.type, tensor.data, int64_t(values.size()), values.data());
    const std::size_t bytes = values.size() * sizeof(float);
    ASSERT_LE(at + bytes, expected.size());
    EXPECT_EQ(std::memcmp(values.data(), expected.data() + at, bytes), 0) << name;
    at += bytes;
  }
  EXPECT_EQ(at, expected.size());
}

TEST(Gguf, RefusesTensorsThatItCannotUse) {
  const GgufFile file(kPath);
  EXPECT_THAT(error_of([&] { file.tensor("sphere"); }, ErrorKind::kBadFile), HasSubstr("'sphere' is missing"));
  EXPECT_THAT(error_of([&] { file.tensor("cube"); }, ErrorKind::kUnsupported), HasSubstr("3 dimensions"));
  EXPECT_THAT(error_of([&] { file.tensor("q3_k"); }, ErrorKind::kUnsupported),
              HasSubstr("'q3_k' is Q3_K (number 11); these work: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K"));
}

TEST(Gguf, ViewsSurviveAMove) {
  GgufFile first(kPath);
  const std::string_view name = first.string("test.string");
  const TensorView before = first.tensor("f32");
  const GgufFile second(std::move(first));
  EXPECT_EQ(second.string("test.string").data(), name.data());
  EXPECT_EQ(second.tensor("f32").data, before.data);
}

TEST(Gguf, VersionTwoIsTheSameLayout) {
  auto bytes = test::file_bytes(kPath);
  bytes[4] = std::byte{2};
  const GgufFile file(bytes, "v2");
  EXPECT_EQ(file.version(), 2u);
  EXPECT_EQ(file.integer("test.u8"), 200);
}

}  // namespace
}  // namespace leankv
