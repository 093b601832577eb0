// One metadata value of a GGUF file: a number, a truth value, a text, or an array of one of these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leankv {

// The numbers are the file's (GGUF specification, gguf_metadata_value_type).
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

bool is_gguf_type(uint32_t number);
std::string_view gguf_type_name(GgufType type);
std::size_t scalar_bytes(GgufType type);  // 0 for texts and arrays, whose size the file says

// A view of the file's bytes, valid as long as they are; texts come back as views too. The parser has checked that
// bytes holds count elements of the type. Readers answer nullopt for a value of another type.
struct GgufValue {
  GgufType type = GgufType::kU8;  // of the value, or of each element; never kArray
  bool is_array = false;
  uint64_t count = 1;  // elements; 1 when not an array
  std::span<const std::byte> bytes;

  std::optional<int64_t> integer() const;  // nullopt also above 2^63 - 1
  std::optional<double> number() const;    // floats and integers
  std::optional<bool> boolean() const;
  std::optional<std::string_view> string() const;

  std::optional<std::vector<int64_t>> integers() const;  // truth values count as 0 and 1
  std::optional<std::vector<double>> numbers() const;    // floats and integers
  std::optional<std::vector<std::string_view>> strings() const;

  GgufValue prefix(uint64_t elements) const;  // an array's first elements, or all of them when it has fewer
  std::string kind() const;                   // "u32", "string[3]": for messages
};

}  // namespace leankv
