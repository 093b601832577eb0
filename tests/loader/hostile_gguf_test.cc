// Files that are cut, altered or made to mislead: each loads or throws leankv::Error. Run it under the asan preset too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "loader/file_bytes.h"
#include "loader/gguf.h"
#include "loader/read_everything.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kPath = test::golden_path("gguf/tiny.gguf");
constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

// Writes GGUF fields one after another; says nothing about whether they make sense.
class Bytes {
 public:
  template <class T>
  Bytes& add(T value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), from, from + sizeof(T));
    return *this;
  }
  Bytes& text(const std::string& value) {
    add(uint64_t(value.size()));
    return raw(value);
  }
  Bytes& raw(const std::string& value) {
    for (char c : value) add(c);
    return *this;
  }
  Bytes& header(uint64_t tensors, uint64_t entries, uint32_t version = 3) {
    return raw("GGUF").add(version).add(tensors).add(entries);
  }
  Bytes& entry(const std::string& key, uint32_t type) { return text(key).add(type); }
  Bytes& tensor(const std::string& name, std::vector<uint64_t> shape, uint32_t type, uint64_t offset) {
    text(name).add(uint32_t(shape.size()));
    for (uint64_t size : shape) add(size);
    return add(type).add(offset);
  }
  Bytes& zeros(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  const std::vector<std::byte>& get() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::string refusal(const std::vector<std::byte>& bytes, ErrorKind kind = ErrorKind::kBadFile) {
  try {
    GgufFile(bytes, "hostile");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_THAT(error.what(), StartsWith("hostile: "));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  ADD_FAILURE() << "the file was accepted";
  return {};
}

bool loads(std::span<const std::byte> bytes) {
  try {
    test::read_everything(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(HostileGguf, EveryTruncationIsRefused) {
  const auto bytes = test::file_bytes(kPath);
  const GgufFile file(bytes, "whole");
  uint64_t end = 0;  // of the last tensor; the padding behind it is not needed
  for (const TensorInfo& info : file.tensors()) end = std::max(end, info.offset + info.bytes);
  for (std::size_t size = 0; size < end; ++size) {
    // A copy of its own, so that a read past the end is a read past an allocation.
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + std::ptrdiff_t(size));
    EXPECT_FALSE(loads(cut)) << size;
  }
  EXPECT_TRUE(loads(std::span(bytes).first(end)));
}

TEST(HostileGguf, EveryFlippedBitLoadsOrIsRefused) {
  auto bytes = test::file_bytes(kPath);
  const uint64_t data_start = GgufFile(bytes, "whole").tensors()[0].offset;
  int refused = 0;
  for (std::size_t at = 0; at < data_start; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[at] ^= std::byte(1 << bit);
      refused += !loads(bytes);
      bytes[at] ^= std::byte(1 << bit);
    }
  }
  EXPECT_GE(refused, 8 * 4);  // the magic number alone
  EXPECT_TRUE(loads(bytes));
}

TEST(HostileGguf, EveryFieldOfOnesLoadsOrIsRefused) {
  const auto bytes = test::file_bytes(kPath);
  const uint64_t data_start = GgufFile(bytes, "whole").tensors()[0].offset;
  int refused = 0;
  for (std::size_t at = 0; at + 8 <= data_start; ++at) {
    for (uint64_t lie : {kHuge, kHuge >> 1, kHuge >> 3, kHuge >> 32, uint64_t{0}}) {
      auto altered = bytes;
      std::memcpy(altered.data() + at, &lie, sizeof(lie));
      refused += !loads(altered);
    }
  }
  EXPECT_GE(refused, 5 * 4);
}

TEST(HostileGguf, OtherKindsOfFileAreNamed) {
  EXPECT_THAT(refusal({}), HasSubstr("truncated"));
  EXPECT_THAT(refusal(Bytes().raw("PK\3\4").zeros(40).get()), HasSubstr("not a GGUF file"));
  const auto unsupported = ErrorKind::kUnsupported;
  EXPECT_THAT(refusal(Bytes().raw("GGUF").add(1u).zeros(8).get(), unsupported), HasSubstr("GGUF version 1;"));
  EXPECT_THAT(refusal(Bytes().header(0, 0, 4).get(), unsupported), HasSubstr("GGUF version 4;"));
  EXPECT_THAT(refusal(Bytes().header(0, 0, 0x03000000).get(), unsupported), HasSubstr("big-endian"));
}

TEST(HostileGguf, CountsAreHeldAgainstTheBytesThatAreLeft) {
  EXPECT_THAT(refusal(Bytes().header(0, kHuge).get()), HasSubstr("metadata entries do not fit the 0 bytes"));
  EXPECT_THAT(refusal(Bytes().header(kHuge, 0).get()), HasSubstr("tensors do not fit"));
  EXPECT_THAT(refusal(Bytes().header(0, 1).add(kHuge).zeros(32).get()), HasSubstr("truncated"));
  const auto array = [](uint32_t type, uint64_t count) {
    return Bytes().header(0, 1).entry("k", 9).add(type).add(count).zeros(32).get();
  };
  for (uint32_t type : {0u, 4u, 7u, 8u, 12u}) {
    EXPECT_THAT(refusal(array(type, kHuge)), HasSubstr("of key 'k' do not fit the 32 bytes"));
    EXPECT_THAT(refusal(array(type, 33)), HasSubstr("of key 'k' do not fit the 32 bytes"));
  }
}

TEST(HostileGguf, MetadataMustMakeSense) {
  EXPECT_THAT(refusal(Bytes().header(0, 1).entry("k", 13).zeros(8).get()), HasSubstr("'k' has value type 13"));
  EXPECT_THAT(refusal(Bytes().header(0, 1).entry("k", 7).add(uint8_t{2}).get()), HasSubstr("neither 0 nor 1"));
  const auto twice = Bytes().header(0, 2).entry("k", 4).add(1u).entry("k", 4).add(2u);
  EXPECT_THAT(refusal(twice.get()), HasSubstr("key 'k' occurs twice"));
  const auto nested = Bytes().header(0, 1).entry("k", 9).add(9u).add(uint64_t{1}).zeros(32);
  EXPECT_THAT(refusal(nested.get(), ErrorKind::kUnsupported), HasSubstr("'k' is an array of arrays"));
}

TEST(HostileGguf, AlignmentMustBeAMultipleOfEight) {
  const auto with = [](uint32_t alignment) {
    return Bytes().header(0, 1).entry("general.alignment", 4).add(alignment);
  };
  EXPECT_THAT(refusal(with(0).get()), HasSubstr("multiple of 8"));
  EXPECT_THAT(refusal(with(12).get()), HasSubstr("multiple of 8"));
  EXPECT_TRUE(loads(with(64).get()));
  const auto text = Bytes().header(0, 1).entry("general.alignment", 8).text("32");
  EXPECT_THAT(refusal(text.get()), HasSubstr("multiple of 8"));
  // The data start at a multiple of the alignment, and so does every tensor in them.
  auto tensor = with(8);
  tensor = Bytes().header(1, 1).entry("general.alignment", 4).add(8u).tensor("t", {1}, 0, 4).zeros(64);
  EXPECT_THAT(refusal(tensor.get()), HasSubstr("tensor 't' is not aligned to 8 bytes"));
}

TEST(HostileGguf, TensorsMustLieInTheFile) {
  const auto with = [](std::vector<uint64_t> shape, uint32_t type, uint64_t offset) {
    return Bytes().header(1, 0).tensor("t", shape, type, offset).zeros(128).get();
  };
  EXPECT_TRUE(loads(with({16}, 0, 0)));
  EXPECT_THAT(refusal(with({1024}, 0, 0)), HasSubstr("past the end"));
  EXPECT_THAT(refusal(with({1}, 0, kHuge - 31)), HasSubstr("past the end"));
  EXPECT_THAT(refusal(with({1}, 0, 3200)), HasSubstr("past the end"));
  EXPECT_THAT(refusal(with({1}, 0, 1)), HasSubstr("not aligned to 32 bytes"));
  EXPECT_THAT(refusal(with({kHuge >> 1}, 0, 0)), HasSubstr("past the end"));
  EXPECT_THAT(refusal(with({uint64_t{1} << 32, uint64_t{1} << 32}, 0, 0)), HasSubstr("more than 2^63 elements"));
  EXPECT_THAT(refusal(with({kHuge}, 0, 0)), HasSubstr("more than 2^63 elements"));
  EXPECT_THAT(refusal(with({4, 0}, 0, 0)), HasSubstr("tensor 't' is empty"));
  EXPECT_THAT(refusal(with({}, 0, 0)), HasSubstr("0 dimensions"));
  EXPECT_THAT(refusal(with({1, 1, 1, 1, 1}, 0, 0)), HasSubstr("5 dimensions"));
  EXPECT_THAT(refusal(with({16, 2}, 8, 0)), HasSubstr("rows of 16 elements, but Q8_0 comes in blocks of 32"));
  const auto twice = Bytes().header(2, 0).tensor("t", {1}, 0, 0).tensor("t", {1}, 0, 32).zeros(128);
  EXPECT_THAT(refusal(twice.get()), HasSubstr("tensor 't' occurs twice"));
  EXPECT_THAT(refusal(Bytes().header(1, 0).tensor("t", {1}, 0, 0).get()), HasSubstr("ends before"));
}

TEST(HostileGguf, ATypeThatNobodyKnowsIsListedButNotUsable) {
  const auto bytes = Bytes().header(1, 0).tensor("t", {4}, 77, 0).zeros(128).get();
  const GgufFile file(bytes, "future");
  ASSERT_EQ(file.tensors().size(), 1u);
  EXPECT_EQ(file.tensors()[0].type_id, 77u);
  EXPECT_THROW(file.tensor("t"), Error);
}

TEST(HostileGguf, MessagesStayOneLineWhateverTheNamesHold) {
  const std::string key = "a\n\x1b[2J\xc2\x9b" + std::string(500, 'x');
  const auto twice = Bytes().header(0, 2).entry(key, 4).add(1u).entry(key, 4).add(2u);
  const std::string message = refusal(twice.get());
  EXPECT_THAT(message, HasSubstr("'a\\n\\x1b[2J\\xc2\\x9bxx"));
  EXPECT_LT(message.size(), 200u);
}

}  // namespace
}  // namespace leankv
