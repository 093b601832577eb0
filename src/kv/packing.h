// How the codes of one tile share bytes: bit planes over the tile's order.
//
// A code of b bits is cut into planes of 8, 4, 2 and 1 bits (those that sum to b, the widest first and holding the low
// bits): 4 -> one plane of 4; 3 -> a plane of 2, then one of 1 with the top bit. 16-bit codes are little endian pairs.
// In a plane of p bits, lanes of w bytes hold w * 8 / p values: value v of a lane's byte sits v * p bits up, so a lane
// unpacks by shift and mask into runs of w neighbouring values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/host_device.h"

namespace leankv {

inline constexpr int kMaxLaneBytes = 64;  // one AVX-512 register

// The largest power of two, at most kMaxLaneBytes, that divides the plane. REQUIRES plane_bytes > 0.
LEANKV_HD constexpr int lane_bytes(int plane_bytes) {
  const int power = plane_bytes & -plane_bytes;
  return power < kMaxLaneBytes ? power : kMaxLaneBytes;
}

struct PlaneSlot {
  int byte;   // from the start of the plane
  int shift;  // of the value's lowest bit
};

// Where value `index` of n_values lies in a plane of plane_bits (1, 2, 4 or 8). REQUIRES n_values * plane_bits whole
// bytes.
LEANKV_HD constexpr PlaneSlot plane_slot(int n_values, int plane_bits, int index) {
  const int width = lane_bytes(n_values * plane_bits / 8);
  const int values_per_lane = width * 8 / plane_bits;
  const int within = index % values_per_lane;
  return {index / values_per_lane * width + within % width, within / width * plane_bits};
}

// bytes [n_values * bits / 8]: the codes of one tile; bits 16, or 1 to 15.
LEANKV_HD constexpr uint16_t get_code(const std::byte* bytes, int n_values, int bits, int index) {
  if (bits == 16) return uint16_t(unsigned(bytes[2 * index]) | unsigned(bytes[2 * index + 1]) << 8);
  unsigned code = 0;
  int done = 0;
  for (int plane = 8; plane > 0; plane /= 2) {
    if ((bits & plane) == 0) continue;
    const PlaneSlot slot = plane_slot(n_values, plane, index);
    code |= ((unsigned(bytes[slot.byte]) >> slot.shift) & ((1u << plane) - 1)) << done;
    bytes += n_values * plane / 8;
    done += plane;
  }
  return uint16_t(code);
}

// Changes the bits of value `index` only. REQUIRES code < 2^bits.
LEANKV_HD constexpr void set_code(std::byte* bytes, int n_values, int bits, int index, uint16_t code) {
  if (bits == 16) {
    bytes[2 * index] = std::byte(code & 0xff);
    bytes[2 * index + 1] = std::byte(code >> 8);
    return;
  }
  unsigned rest = code;
  for (int plane = 8; plane > 0; plane /= 2) {
    if ((bits & plane) == 0) continue;
    const PlaneSlot slot = plane_slot(n_values, plane, index);
    const unsigned mask = (1u << plane) - 1;
    const unsigned others = unsigned(bytes[slot.byte]) & ~(mask << slot.shift);
    bytes[slot.byte] = std::byte(others | (rest & mask) << slot.shift);
    bytes += n_values * plane / 8;
    rest >>= plane;
  }
}

}  // namespace leankv
