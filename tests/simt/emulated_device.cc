#include "simt/emulated_device.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "base/half.h"

namespace leankv::simt {

EmulatedDevice::EmulatedDevice(Order order) : order_(order) {
  for (const auto add :
       {add_cache_kernels, add_dense_kernels, add_attend_kernels_64, add_attend_kernels_128, add_attend_kernels_256}) {
    add(kernels_);
  }
}

// Memory is not initialised on a device: here it is poisoned, between guards.
std::byte* EmulatedDevice::allocate(std::size_t bytes) {
  auto memory = std::make_unique<GuardedBytes>(bytes, 0xff);
  std::byte* data = memory->data();
  memory_[data] = std::move(memory);
  return data;
}

void EmulatedDevice::release(std::byte* memory) {
  LEANKV_CHECK(memory_.at(memory)->intact());
  memory_.erase(memory);
}

// Nothing may come from nowhere: memcpy forbids null pointers even for no bytes.
void EmulatedDevice::upload(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
void EmulatedDevice::download(void* to, const void* from, std::size_t bytes) {
  note_wait();
  if (bytes > 0) std::memcpy(to, from, bytes);
}
void EmulatedDevice::fill(void* to, uint8_t byte, std::size_t bytes) { std::memset(to, byte, bytes); }
void EmulatedDevice::copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }

void EmulatedDevice::exclusive_sum(const uint32_t* in, uint32_t* out, int n) {
  std::exclusive_scan(in, in + n, out, 0u);
}

void EmulatedDevice::sort_segments(const Sort& sort) {
  for (int s = 0; s < sort.segments; ++s) {
    std::vector<uint32_t> order(sort.ends[s] - sort.begins[s]);
    std::iota(order.begin(), order.end(), sort.begins[s]);
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return sort.keys[a] < sort.keys[b]; });
    for (uint32_t i = 0; i < order.size(); ++i) {
      sort.sorted_keys[sort.begins[s] + i] = sort.keys[order[i]];
      sort.sorted_values[sort.begins[s] + i] = sort.values[order[i]];
    }
  }
}

void EmulatedDevice::multiply(const HalfProduct& p) {
  for (int t = 0; t < p.tokens; ++t) {
    for (int r = 0; r < p.rows; ++r) {
      float sum = 0;
      for (int c = 0; c < p.columns; ++c) {
        sum += half_to_float(p.x[std::size_t(t) * p.columns + c]) * half_to_float(p.w[std::size_t(r) * p.columns + c]);
      }
      p.y[std::size_t(t) * p.rows + r] = sum;
    }
  }
}

void EmulatedDevice::run(const char* kernel, Grid grid, const void* params) {
  const auto entry = kernels_.find(kernel);
  LEANKV_CHECK(entry != kernels_.end());
  entry->second(grid, params, order_, uint32_t(++launches_));
}

}  // namespace leankv::simt
