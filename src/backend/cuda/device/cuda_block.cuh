// A thread's view of its block on a GPU: the verbs of simt.h. Only nvcc reads this file.
#pragma once

#include <cuda_fp16.h>

#include <cstddef>
#include <cstdint>

#include "backend/cuda/simt.h"

namespace leankv {

extern __shared__ __align__(16) unsigned char dynamic_shared_memory[];

class CudaBlock {
 public:
  __device__ int thread() const { return int(threadIdx.x); }
  __device__ int threads() const { return int(blockDim.x); }
  __device__ int lane() const { return int(threadIdx.x) % kWarp; }
  __device__ int warp() const { return int(threadIdx.x) / kWarp; }
  __device__ int index() const { return int(blockIdx.x); }
  __device__ int index_y() const { return int(blockIdx.y); }
  __device__ int count() const { return int(gridDim.x); }

  template <class S>
  __device__ S& shared() {
    static_assert(alignof(S) <= 16);
    return *reinterpret_cast<S*>(dynamic_shared_memory);
  }
  __device__ void sync() { __syncthreads(); }
  __device__ void sync_warp() { __syncwarp(); }

  template <class T>
  __device__ T shuffle(T x, int from) {
    return __shfl_sync(kAll, x, from);
  }
  __device__ uint32_t ballot(bool p) { return __ballot_sync(kAll, p); }

  __device__ void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else  // Turing multiplies half of it at a time
    half_mma(c, a[0], a[1], b[0]);
    half_mma(c, a[2], a[3], b[1]);
#endif
  }
  __device__ uint32_t transpose(uint32_t x) {
    uint32_t y;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
    return y;
  }
  __device__ void load_matrices(uint32_t (&r)[4], const void* row, bool transposed) {
    const uint32_t from = uint32_t(__cvta_generic_to_shared(row));
    if (transposed) {
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                   : "r"(from)
                   : "memory");
    } else {
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                   : "r"(from)
                   : "memory");
    }
  }

  __device__ void copy_async(void* to, const void* from) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(uint32_t(__cvta_generic_to_shared(to))), "l"(from)
                 : "memory");
#else
    *static_cast<uint4*>(to) = *static_cast<const uint4*>(from);
#endif
  }
  __device__ void copy_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
  }
  template <int kGroups>
  __device__ void copy_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
#endif
  }

  __device__ uint32_t add_atomically(uint32_t* p, uint32_t x) { return atomicAdd(p, x); }
  __device__ uint64_t add_atomically(uint64_t* p, uint64_t x) {
    static_assert(sizeof(unsigned long long) == sizeof x);
    return atomicAdd(reinterpret_cast<unsigned long long*>(p), static_cast<unsigned long long>(x));
  }
  __device__ float exp2(float x) {
    float y;
    asm("ex2.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  __device__ uint32_t pack_halves(float low, float high) {
    __half2 pair = __floats2half2_rn(low, high);
    return reinterpret_cast<uint32_t&>(pair);
  }
  __device__ uint32_t subtract_halves(uint32_t a, uint32_t b) {
    uint32_t difference;
    asm("sub.f16x2 %0, %1, %2;" : "=r"(difference) : "r"(a), "r"(b));
    return difference;
  }
  __device__ uint32_t byte_permute(uint32_t a, uint32_t b, uint32_t selector) { return __byte_perm(a, b, selector); }

 private:
  static constexpr uint32_t kAll = 0xffffffffu;

  __device__ static void half_mma(float (&c)[4], uint32_t a0, uint32_t a1, uint32_t b) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a0), "r"(a1), "r"(b));
  }
};

}  // namespace leankv
