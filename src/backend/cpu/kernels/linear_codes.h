// How a block of packed weight codes becomes vectors; only for kernels of this folder.
#pragma once

#include LEANKV_SIMD_HEADER

#include "backend/cpu/kernels/linear.h"

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kParts = kTileOutputs / kLanes;  // vectors that hold one value for each output of a tile

// w = scale * (code - kZero) + min, min only where kHasMins.
template <int kBits_, int kZero_, bool kHasMins_>
struct Codes {
  static constexpr int kBits = kBits_, kZero = kZero_;
  static constexpr bool kHasMins = kHasMins_;
  static constexpr int kBlockBytes = kTileOutputs * kBlockInputs * kBits / 8;
};

// The codes of one block for the outputs [part * kLanes, + kLanes).
struct BlockCodes {
  Bytes group[kBlockGroups];
};

template <class Form>
inline BlockCodes load_codes(const uint8_t* block, int part) {
  constexpr int kGroupBytes = kTileOutputs * 4;
  const uint8_t* first = block + part * kLanes * 4;
  BlockCodes codes;
  if constexpr (Form::kBits == 8) {
    for (int g = 0; g < kBlockGroups; ++g) codes.group[g] = load_bytes(first + g * kGroupBytes);
  } else {
    for (int g = 0; g < kBlockGroups / 2; ++g) {
      const Bytes pair = load_bytes(first + g * kGroupBytes);
      codes.group[g] = low_nibbles(pair);
      codes.group[g + kBlockGroups / 2] = high_nibbles(pair);
    }
  }
  return codes;
}

// Calls for the lines of a block, which may be none of the weights any more.
template <class Form>
inline void prefetch_block(const TiledWeights& weights, std::ptrdiff_t block) {
  asm volatile("");          // g++ 12 drops calls of functions that only prefetch
  constexpr int kLine = 64;  // bytes
  const uint8_t* codes = weights.codes + block * Form::kBlockBytes;
#pragma GCC unroll 8
  for (int at = 0; at < Form::kBlockBytes; at += kLine) __builtin_prefetch(codes + at);
  __builtin_prefetch(weights.scales + block * kTileOutputs);
  if constexpr (Form::kHasMins) __builtin_prefetch(weights.mins + block * kTileOutputs);
}

}  // namespace leankv::LEANKV_ISA_NS
