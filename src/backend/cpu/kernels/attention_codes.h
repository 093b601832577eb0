// From the packed planes of a tile to one byte per code (kv/packing.h).
#pragma once

#include <cstring>

#include LEANKV_SIMD_HEADER
#include "kv/packing.h"

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kVectorBytes = 4 * kLanes;

// What unpacked codes become before they are stored: themselves, or their images in a table of 16.
struct AsTheyAre {
  inline Bytes operator()(Bytes codes) const { return codes; }
};
struct LookedUp {
  Bytes table;
  inline Bytes operator()(Bytes codes) const { return look_up(table, codes); }
};

// The values of one vector of plane bytes: value v of each byte goes to codes + v * width. kDone bits of every code
// were unpacked before and lie there.
template <int kPlane, int kDone, int kValue = 0, class Map>
inline void unpack_vector(Bytes in, int width, uint8_t* codes, const Map& map) {
  const Bytes bits = bits_of<kValue * kPlane, kPlane>(in);
  if constexpr (kDone == 0) {
    store_bytes(codes, map(bits));
  } else {
    store_bytes(codes, map(join_bits<kDone>(load_bytes(codes), bits)));
  }
  if constexpr ((kValue + 1) * kPlane < 8) {
    unpack_vector<kPlane, kDone, kValue + 1>(in, width, codes + width, map);
  }
}

// Codes of 3 bits whose lanes are whole vectors: both planes at once. 8 vectors of codes for one of single bits.
template <int kValue = 0, class Map>
inline void unpack_threes(const uint8_t* low, Bytes high, uint8_t* codes, const Map& map) {
  const Bytes two = bits_of<kValue % 4 * 2, 2>(load_bytes(low + kValue / 4 * kMaxLaneBytes));
  store_bytes(codes, map(join_bits<2>(two, bits_of<kValue, 1>(high))));
  if constexpr (kValue < 7) unpack_threes<kValue + 1>(low, high, codes + kMaxLaneBytes, map);
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

template <int kPlane, int kDone, class Map = AsTheyAre>
inline void unpack_plane(const uint8_t* plane, int bytes, uint8_t* codes, const Map& map = {}) {
  const int width = lane_bytes(bytes);
  for (int first = 0; first < bytes; first += width, plane += width, codes += width * 8 / kPlane) {
    if (width >= kVectorBytes) {
      for (int b = 0; b < width; b += kVectorBytes) {
        unpack_vector<kPlane, kDone>(load_bytes(plane + b), width, codes + b, map);
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
template <int kBits, class Map = AsTheyAre>
inline const uint8_t* unpack(const uint8_t* packed, int n_values, uint8_t* buffer, const Map& map = {}) {
  static_assert(kBits == 8 || kBits == 4 || kBits == 3 || kBits == 2);
  if constexpr (kBits == 8) return packed;
  if constexpr (kBits == 4) unpack_plane<4, 0>(packed, n_values / 2, buffer, map);
  if constexpr (kBits == 3) {
    if (lane_bytes(n_values / 8) == kMaxLaneBytes) {
      const uint8_t* high = packed + n_values / 4;
      for (int at = 0; at < n_values; at += 8 * kMaxLaneBytes, packed += 2 * kMaxLaneBytes, high += kMaxLaneBytes) {
        for (int b = 0; b < kMaxLaneBytes; b += kVectorBytes)
          unpack_threes(packed + b, load_bytes(high + b), buffer + at + b, map);
      }
      return buffer;
    }
    unpack_plane<2, 0>(packed, n_values / 4, buffer);
    unpack_plane<1, 2>(packed + n_values / 4, n_values / 8, buffer, map);
  }
  if constexpr (kBits == 2) unpack_plane<2, 0>(packed, n_values / 4, buffer, map);
  return buffer;
}

// unpack<kBits>, and the images of the codes in a table of 16. kBits below 8.
template <int kBits>
inline const uint8_t* unpack_images(const uint8_t* packed, int n_values, uint8_t* buffer, Bytes table) {
  constexpr int kLastPlane = kBits == 4 ? 4 : kBits == 2 ? 2 : 1;
  if (lane_bytes(n_values * kLastPlane / 8) >= kVectorBytes) {
    return unpack<kBits>(packed, n_values, buffer, LookedUp{table});
  }
  unpack<kBits>(packed, n_values, buffer);
  for (int i = 0; i < n_values; i += kVectorBytes) store_bytes(buffer + i, look_up(table, load_bytes(buffer + i)));
  return buffer;
}

}  // namespace leankv::LEANKV_ISA_NS
