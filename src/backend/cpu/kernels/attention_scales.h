// The scales of one side of a run of pages as floats, a batch of tokens at a time.
#pragma once

#include "backend/cpu/kernels/attention_tiles.h"
#include "base/half.h"
#include "kv/quantise.h"

namespace leankv::LEANKV_ISA_NS {

// 2^((b - 128) / 16) of each byte, 0 for byte 0 (kv/quantise.h), times step.
inline Floats scales_of_bytes(Ints b, const float* mantissas, Floats step) {
  const Ints octave = shift_right<4>(b), exponent = shift_left<23>(add(octave, broadcast_int(-8)));
  const Floats scale = floats_of_bits(add(bits_of_floats(look_up_16(mantissas, bit_and(b, 15))), exponent));
  return mul(zero_where_equal(scale, to_float(b), broadcast(0)), step);
}

template <CodecId id>
class ScaleReader {
 public:
  ScaleReader(const TokenRun& run, const RunSide& side) : run_(run), side_(side), cursor_(run) {
    if constexpr (has_codebook(id)) {
      step_ = codebook_step(id);
      for (int i = 0; i < kScaleStepsPerOctave; ++i) {
        mantissas_[i] = __builtin_bit_cast(float, 0x3f800000u | kScaleMantissas[i]);
      }
    }
  }
  // Those of the next tokens, 0 behind the run's last: kBatchTokens of each; zero only of kMinMax.
  inline int next(float* scale, float* zero) {
    const uint8_t* rows[kBatchTiles];  // in whole vectors, or what is read next would wait for two stores
    const int tokens = cursor_.next([&](int i, int page, int tile) {
      rows[i] = bytes_of_page(run_, page) + side_.scales + tile * kTileTokens * side_.scale_bytes;
    });
    if (tokens <= 0) return 0;
    for (int i = (tokens + kTileTokens - 1) / kTileTokens; i < kBatchTiles; ++i) rows[i] = rows[0];
    for (int i = 0; i < kBatchTiles; i += kTilesPerVector) {
      if constexpr (has_zero_point(id)) {
        for (int j = i; j < i + kTilesPerVector; ++j) {
          read_pairs(rows[j], scale + j * kTileTokens, zero + j * kTileTokens);
        }
      } else {
        for (int t = 0; t < kTilesPerVector * kTileTokens; t += kLanes) {
          store(scale + i * kTileTokens + t, vector_of(rows + i, t));
        }
      }
    }
    for (int t = tokens; t < kBatchTokens; ++t) scale[t] = 0;
    if constexpr (has_zero_point(id)) {
      for (int t = tokens; t < kBatchTokens; ++t) zero[t] = 0;
    }
    return tokens;
  }

 private:
  static constexpr int kTilesPerVector = kLanes > kTileTokens ? kLanes / kTileTokens : 1;

  static inline void read_pairs(const uint8_t* row, float* scale, float* zero) {
    const uint16_t* pairs = reinterpret_cast<const uint16_t*>(row);
    for (int t = 0; t < kTileTokens; ++t) {
      scale[t] = half_to_float(pairs[2 * t]);
      zero[t] = half_to_float(pairs[2 * t + 1]);
    }
  }
  inline Floats vector_of(const uint8_t* const* rows, int token) const {
    if constexpr (has_codebook(id)) {
      return scales_of_bytes(load_u8_eights(rows[0] + token, rows[kTilesPerVector - 1] + token), mantissas_,
                             broadcast(step_));
    } else {
      return load_half_eights(reinterpret_cast<const uint16_t*>(rows[0]) + token,
                              reinterpret_cast<const uint16_t*>(rows[kTilesPerVector - 1]) + token);
    }
  }

  const TokenRun& run_;
  const RunSide side_;
  TileCursor cursor_;
  float step_ = 1;
  float mantissas_[kScaleStepsPerOctave];
};

}  // namespace leankv::LEANKV_ISA_NS
