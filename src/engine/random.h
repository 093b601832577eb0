// Random numbers that are the same on every machine.
#pragma once

#include <cstdint>

namespace leankv {

// SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014. The standard's engines would
// do, but its distributions differ between libraries.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double uniform() { return double(bits() >> 11) * 0x1p-53; }  // [0, 1), every multiple of 2^-53

 private:
  uint64_t state_;
};

}  // namespace leankv
