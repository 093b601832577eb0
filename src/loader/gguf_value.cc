#include "loader/gguf_value.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "base/error.h"
#include "loader/byte_reader.h"

namespace leankv {
namespace {

struct TypeRow {
  std::string_view name;
  std::size_t bytes;  // 0: not a scalar
};

constexpr TypeRow kTypes[] = {
    {"u8", 1},   {"i8", 1},     {"u16", 2},   {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
    {"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8},
};

// The one place where a value's run-time type becomes a C++ type. REQUIRES a scalar type.
template <class F>
auto visit_scalar(GgufType type, F&& f) {
  LEANKV_CHECK(scalar_bytes(type) != 0);
  switch (type) {
    case GgufType::kU8:
      return f(uint8_t{});
    case GgufType::kI8:
      return f(int8_t{});
    case GgufType::kU16:
      return f(uint16_t{});
    case GgufType::kI16:
      return f(int16_t{});
    case GgufType::kU32:
      return f(uint32_t{});
    case GgufType::kI32:
      return f(int32_t{});
    case GgufType::kU64:
      return f(uint64_t{});
    case GgufType::kI64:
      return f(int64_t{});
    case GgufType::kF32:
      return f(float{});
    case GgufType::kF64:
      return f(double{});
    default:
      return f(bool{});  // the only one that is left
  }
}

template <class T>
T load(const std::byte* from) {
  if constexpr (std::is_same_v<T, bool>) return *from != std::byte{0};
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

bool is_float(GgufType type) { return type == GgufType::kF32 || type == GgufType::kF64; }

std::optional<int64_t> integer_at(const GgufValue& value, uint64_t index) {
  const std::byte* from = value.bytes.data() + index * scalar_bytes(value.type);
  return visit_scalar(value.type, [&](auto type) -> std::optional<int64_t> {
    const auto x = load<decltype(type)>(from);
    if constexpr (std::is_same_v<decltype(type), uint64_t>) {
      if (x > uint64_t(std::numeric_limits<int64_t>::max())) return std::nullopt;
    }
    return int64_t(x);
  });
}

double number_at(const GgufValue& value, uint64_t index) {
  const std::byte* from = value.bytes.data() + index * scalar_bytes(value.type);
  return visit_scalar(value.type, [&](auto type) { return double(load<decltype(type)>(from)); });
}

}  // namespace

bool is_gguf_type(uint32_t number) { return number < std::size(kTypes); }

std::string_view gguf_type_name(GgufType type) { return kTypes[int(type)].name; }

std::size_t scalar_bytes(GgufType type) { return kTypes[int(type)].bytes; }

std::optional<int64_t> GgufValue::integer() const {
  if (is_array || type == GgufType::kString || type == GgufType::kBool || is_float(type)) return std::nullopt;
  return integer_at(*this, 0);
}

std::optional<double> GgufValue::number() const {
  if (is_array || type == GgufType::kString || type == GgufType::kBool) return std::nullopt;
  return number_at(*this, 0);
}

std::optional<bool> GgufValue::boolean() const {
  if (is_array || type != GgufType::kBool) return std::nullopt;
  return load<bool>(bytes.data());
}

std::optional<std::string_view> GgufValue::string() const {
  if (is_array || type != GgufType::kString) return std::nullopt;
  return ByteReader(bytes, {}).read_string("text");
}

std::optional<std::vector<int64_t>> GgufValue::integers() const {
  if (!is_array || type == GgufType::kString || is_float(type)) return std::nullopt;
  std::vector<int64_t> all(count);
  for (uint64_t i = 0; i < count; ++i) {
    const std::optional<int64_t> x = integer_at(*this, i);
    if (!x) return std::nullopt;
    all[i] = *x;
  }
  return all;
}

std::optional<std::vector<double>> GgufValue::numbers() const {
  if (!is_array || type == GgufType::kString || type == GgufType::kBool) return std::nullopt;
  std::vector<double> all(count);
  for (uint64_t i = 0; i < count; ++i) all[i] = number_at(*this, i);
  return all;
}

std::optional<std::vector<std::string_view>> GgufValue::strings() const {
  if (!is_array || type != GgufType::kString) return std::nullopt;
  ByteReader reader(bytes, {});
  std::vector<std::string_view> all(count);
  for (std::string_view& text : all) text = reader.read_string("text");
  return all;
}

GgufValue GgufValue::prefix(uint64_t elements) const {
  GgufValue shorter = *this;
  shorter.count = std::min(count, elements);
  return shorter;
}

std::string GgufValue::kind() const {
  const std::string name(gguf_type_name(type));
  return is_array ? name + "[" + std::to_string(count) + "]" : name;
}

}  // namespace leankv
