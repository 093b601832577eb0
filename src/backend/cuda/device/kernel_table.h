// What a CUDA device can launch, by the tag of its kernel (backend/cuda/device.h).
#pragma once

#include <cstddef>
#include <map>

namespace leankv {

struct KernelEntry {
  const void* function;  // a __global__ function that takes the kernel's parameters by value
  int threads;
  std::size_t shared_bytes;
};
using KernelTable = std::map<const char*, KernelEntry>;

// One per file of kernels, so that they compile side by side.
void add_page_kernels(KernelTable& table);
void add_judgement_kernels(KernelTable& table);
void add_row_kernels(KernelTable& table);
void add_dense_kernels(KernelTable& table);
void add_attend_kernels_64(KernelTable& table);
void add_attend_kernels_64_any(KernelTable& table);
void add_attend_kernels_128(KernelTable& table);
void add_attend_kernels_128_any(KernelTable& table);
void add_attend_kernels_256(KernelTable& table);
void add_attend_kernels_256_any(KernelTable& table);

}  // namespace leankv
