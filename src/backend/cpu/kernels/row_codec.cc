#include "backend/cpu/kernels/row_codec.h"

#include <type_traits>

#include "backend/cpu/kernels/rotation.h"
#include "backend/cpu/kernels/sum_lanes.h"
#include "base/half.h"
#include "kv/quantise_rules.h"

namespace leankv {
namespace LEANKV_ISA_NS {
namespace {

// ---- kHalf ----

// As float_to_half: NaN keeps its sign and nothing else.
inline Floats with_one_nan(Floats x) {
  const Ints bits = bits_of_floats(x), magnitude = bit_and(bits, 0x7fffffff);
  return floats_of_bits(add(min(magnitude, broadcast_int(0x7f800001)), sub(bits, magnitude)));
}

inline void encode_half(const float* x, int n, uint16_t* codes) {
  for (int c = 0; c < n; c += kLanes) store_half(codes + c, with_one_nan(load(x + c)));
}
inline void decode_half(const uint16_t* codes, int n, float* x) {
  for (int c = 0; c < n; c += kLanes) store(x + c, load_half(codes + c));
}

// ---- kGrid8 ----

inline float magnitude_of_row(const float* x, int n) {
  Lanes most = all_lanes(0);
  for (int c = 0; c < n; c += kSumLanes) {
    most = each_vector([&](int v) { return max(magnitudes(load(x + c + v * kLanes)), most.vector[v]); });
  }
  return largest_of(most);
}

inline float load_half_scale(const uint8_t* scales) { return half_to_float(uint16_t(scales[0] | scales[1] << 8)); }

inline void encode_grid8(const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const uint16_t half = grid8_scale(magnitude_of_row(x, n));
  scales[0] = uint8_t(half & 0xff), scales[1] = uint8_t(half >> 8);
  const Floats inverse = broadcast(1.0f / half_to_float(half)), middle = broadcast(128);
  for (int c = 0; c < n; c += kLanes) {
    const Floats y = add(mul(load(x + c), inverse), middle);
    const Floats or_middle = zero_where_equal(middle, y, y);  // 128 where y is NaN, else 0
    store_u16(codes + c, truncate_to_int(min(max(y, or_middle), broadcast(255))));
  }
}
inline void decode_grid8(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const Floats scale = broadcast(load_half_scale(scales));
  for (int c = 0; c < n; c += kLanes) {
    store(x + c, mul(scale, sub(to_float(load_u16(codes + c)), broadcast(127.5f))));
  }
}

// ---- kLevels ----

// How many edges, `step` times those of the table, a magnitude is above.
template <int kCount>
inline Ints level_of(const LevelTable<kCount>& table, Floats magnitude, float step) {
  Ints level = broadcast_int(0);
  for (int i = 0; i + 1 < kCount; ++i) level = add(level, one_where_less(broadcast(table.edge[i] * step), magnitude));
  return level;
}

struct Images {
  float of[16] = {};  // by level or by code
};

template <int kCount>
inline float fit_step(const LevelTable<kCount>& table, const Images& images, const float* x, int n, float step) {
  Lanes dot = all_lanes(0), norm = all_lanes(0);
  for (int c = 0; c < n; c += kSumLanes) {
    const Lanes a = each_vector([&](int v) { return magnitudes(load(x + c + v * kLanes)); });
    const Lanes image = each_vector([&](int v) { return look_up_16(images.of, level_of(table, a.vector[v], step)); });
    dot = each_vector([&](int v) { return add(dot.vector[v], mul(a.vector[v], image.vector[v])); });
    norm = each_vector([&](int v) { return add(norm.vector[v], mul(image.vector[v], image.vector[v])); });
  }
  return sum_of(dot) / sum_of(norm);
}

inline float sum_of_squares(const float* x, int n) {
  Lanes squares = all_lanes(0);
  for (int c = 0; c < n; c += kSumLanes) {
    squares = each_vector([&](int v) {
      const Floats a = load(x + c + v * kLanes);
      return add(squares.vector[v], mul(a, a));
    });
  }
  return sum_of(squares);
}

template <int kCount>
inline int fit_scale(const LevelTable<kCount>& table, const float* x, int n) {
  Images images;
  for (int i = 0; i < kCount; ++i) images.of[i] = table.image[i];
  const int first = nearest_scale_byte(__builtin_sqrtf(sum_of_squares(x, n) / float(n)));
  int byte = first > 0 ? first : 1;
  for (int round = 0; round < 2 && byte > 0; ++round) {
    const float step = scale_byte_value(byte) * table.step;
    const int fitted = nearest_scale_byte(fit_step(table, images, x, n, step) / table.step);
    if (fitted == byte) break;
    byte = fitted;
  }
  return byte;
}

template <int kCount>
inline void encode_levels(const LevelTable<kCount>& table, const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const int byte = fit_scale(table, x, n);
  scales[0] = uint8_t(byte);
  const float step = scale_byte_value(byte) * table.step;
  const Ints some = broadcast_int(byte > 0 ? 1 : 0);  // a row of zeros has codes 0
  for (int c = 0; c < n; c += kLanes) {
    const Floats a = load(x + c);
    const Ints sign = mul(one_where_less(a, broadcast(0)), broadcast_int(kCount));
    store_u16(codes + c, mul(some, add(sign, level_of(table, magnitudes(a), step))));
  }
}

template <int kCount>
inline void decode_levels(const LevelTable<kCount>& table, const uint16_t* codes, const uint8_t* scales, int n,
                          float* x) {
  Images images;
  for (int i = 0; i < 2 * kCount; ++i) images.of[i] = float(table.code_image[i]);
  const Floats step = broadcast(scale_byte_value(scales[0]) * table.step);
  for (int c = 0; c < n; c += kLanes) store(x + c, mul(step, look_up_16(images.of, load_u16(codes + c))));
}

[[gnu::flatten]] void encode(CodecId id, const float* x, int n, uint16_t* codes, uint8_t* scales) {
  if (id == CodecId::kHalf) return encode_half(x, n, codes);
  if (id == CodecId::kGrid8) return encode_grid8(x, n, codes, scales);
  if (is_levels(id)) {
    return with_level_table(id, [=](const auto& table) { encode_levels(table, x, n, codes, scales); });
  }
  encode_row(id, x, n, codes, scales);
}

[[gnu::flatten]] void decode(CodecId id, const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  if (id == CodecId::kHalf) return decode_half(codes, n, x);
  if (id == CodecId::kGrid8) return decode_grid8(codes, scales, n, x);
  if (is_levels(id)) {
    return with_level_table(id, [=](const auto& table) { decode_levels(table, codes, scales, n, x); });
  }
  decode_row(id, codes, scales, n, x);
}

constexpr RowCodec kRowCodec = {encode, decode, rotate};

}  // namespace
}  // namespace LEANKV_ISA_NS

// The scalar verbs have nothing to add to the specification, and g++ 12 makes wrong code of fit_step in them (at -O3,
// in its loop vectoriser; neither clang nor g++ -O2 does).
const RowCodec& row_codec(ThisIsa) {
  return std::is_same_v<ThisIsa, ScalarIsa> ? kScalarRowCodec : LEANKV_ISA_NS::kRowCodec;
}

}  // namespace leankv
