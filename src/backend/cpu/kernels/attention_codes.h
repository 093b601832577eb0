// From the packed planes of a tile to one byte per code (kv/packing.h).
#pragma once

#include <cstring>

#include LEANKV_SIMD_HEADER
#include "kv/packing.h"

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kVectorBytes = 4 * kLanes;

// The values of one vector of plane bytes: value v of each byte goes to codes + v * width. kDone bits of every code
// were unpacked before and lie there.
template <int kPlane, int kDone, int kValue = 0>
inline void unpack_vector(Bytes in, int width, uint8_t* codes) {
  const Bytes bits = bits_of<kValue * kPlane, kPlane>(in);
  if constexpr (kDone == 0) {
    store_bytes(codes, bits);
  } else {
    store_bytes(codes, join_bits<kDone>(load_bytes(codes), bits));
  }
  if constexpr ((kValue + 1) * kPlane < 8) unpack_vector<kPlane, kDone, kValue + 1>(in, width, codes + width);
}

// The same for 8 bytes at once, where lanes are narrower than a vector.
template <int kPlane, int kDone>
inline void unpack_word(uint64_t in, int width, uint8_t* codes) {
  constexpr uint64_t kMask = 0x0101010101010101u * ((1u << kPlane) - 1);
  for (int shift = 0; shift < 8; shift += kPlane, codes += width) {
    uint64_t code = 0;
    if constexpr (kDone > 0) std::memcpy(&code, codes, sizeof code);
    code |= (in >> shift & kMask) << kDone;
    std::memcpy(codes, &code, sizeof code);
  }
}

template <int kPlane, int kDone>
inline void unpack_plane(const uint8_t* plane, int bytes, uint8_t* codes) {
  const int width = lane_bytes(bytes);
  for (int first = 0; first < bytes; first += width, plane += width, codes += width * 8 / kPlane) {
    if (width >= kVectorBytes) {
      for (int b = 0; b < width; b += kVectorBytes) {
        unpack_vector<kPlane, kDone>(load_bytes(plane + b), width, codes + b);
      }
      continue;
    }
    for (int b = 0; b < width; b += int(sizeof(uint64_t))) {
      uint64_t word;
      std::memcpy(&word, plane + b, sizeof word);
      unpack_word<kPlane, kDone>(word, width, codes + b);
    }
  }
}

// The codes of one tile as bytes in the tile's order; 8 bits are so already. buffer [n_values].
template <int kBits>
inline const uint8_t* unpack(const uint8_t* packed, int n_values, uint8_t* buffer) {
  static_assert(kBits == 8 || kBits == 4 || kBits == 3 || kBits == 2);
  if constexpr (kBits == 8) return packed;
  if constexpr (kBits == 4) unpack_plane<4, 0>(packed, n_values / 2, buffer);
  if constexpr (kBits == 3 || kBits == 2) unpack_plane<2, 0>(packed, n_values / 4, buffer);
  if constexpr (kBits == 3) unpack_plane<1, 2>(packed + n_values / 4, n_values / 8, buffer);
  return buffer;
}

}  // namespace leankv::LEANKV_ISA_NS
