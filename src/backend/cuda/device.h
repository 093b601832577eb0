// One GPU as the host sees it: memory, a queue of work in order, and the few things that libraries do better.
//
// The queue runs what it is given in the order of the calls; the host waits in download() and wait() alone. Tests run
// the same code on a Device that executes kernels on the host (tests/simt/emulated_device.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include "backend/cuda/simt.h"

namespace leankv {

// Its address names a kernel to a Device.
template <class Kernel>
inline constexpr char kernel_tag = 0;

// y [tokens, rows] = x [tokens, columns] w [rows, columns]^T, halves in, floats out; row-major, dense.
struct HalfProduct {
  const uint16_t *x, *w;
  float* y;
  int tokens, rows, columns;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view name() const = 0;
  virtual int processors() const = 0;  // that run blocks side by side
  virtual int64_t total_bytes() const = 0;
  virtual int64_t free_bytes() const = 0;

  // 256-byte aligned, not initialised. Throws kDoesNotFit.
  virtual std::byte* allocate(std::size_t bytes) = 0;
  virtual void release(std::byte* memory) = 0;  // when the work that was queued before is done

  virtual void upload(void* to, const void* from, std::size_t bytes) = 0;    // from may change after the call
  virtual void download(void* to, const void* from, std::size_t bytes) = 0;  // waits for all that is queued
  virtual void fill(void* to, uint8_t byte, std::size_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void wait() = 0;

  // out[i] = in[0] + ... + in[i - 1]; out may be in.
  virtual void exclusive_sum(const uint32_t* in, uint32_t* out, int n) = 0;
  // Sorts each segment [begins[s], ends[s]) of the keys in ascending order, stably, the values along with them.
  struct Sort {
    const uint32_t *keys, *values;
    uint32_t *sorted_keys, *sorted_values;
    const uint32_t *begins, *ends;  // [segments] on the device
    int items, segments;
  };
  virtual void sort_segments(const Sort& sort) = 0;
  virtual void multiply(const HalfProduct& product) = 0;

  // Runs the calls that fn makes. What they queue may be recorded under this key and played back the next time without
  // calling fn, so they may depend on nothing but the key and the contents of device memory. key 0: never recorded.
  template <class Fn>
  void repeat(uint64_t key, Fn&& fn) {
    using F = std::remove_reference_t<Fn>;
    repeat_erased(
        key, [](void* f) { (*static_cast<F*>(f))(); }, const_cast<void*>(static_cast<const void*>(&fn)));
  }

  // How often memory that kernels were given has moved: part of a key, where work that was recorded points to it.
  uint64_t moves() const { return moves_; }
  void note_move() { ++moves_; }
  // How often the host has waited.
  uint64_t waits() const { return waits_; }

  template <class Kernel>
  void launch(Grid grid, const typename Kernel::Params& params) {
    static_assert(std::is_trivially_copyable_v<typename Kernel::Params> && sizeof(params) <= 4000, "passed by value");
    if (grid.x > 0 && grid.y > 0) run(&kernel_tag<Kernel>, grid, &params);
  }

 protected:
  void note_wait() { ++waits_; }
  virtual void run(const char* kernel, Grid grid, const void* params) = 0;
  virtual void repeat_erased(uint64_t key, void (*fn)(void*), void* context) = 0;

 private:
  uint64_t moves_ = 0, waits_ = 0;
};

// Owner of n values in the memory of a device.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(Device& device, std::size_t n)
      : device_(&device), data_(reinterpret_cast<T*>(device.allocate(n * sizeof(T)))), size_(n) {}
  DeviceArray(DeviceArray&& other) noexcept { *this = std::move(other); }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    std::swap(device_, other.device_), std::swap(data_, other.data_), std::swap(size_, other.size_);
    return *this;
  }
  ~DeviceArray() {
    if (data_ != nullptr) device_->release(reinterpret_cast<std::byte*>(data_));
  }
  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  // Makes room for n values where there is not; the contents are lost then.
  void reserve(Device& device, std::size_t n) {
    if (n <= size_) return;
    *this = DeviceArray(device, n + n / 4);
    device.note_move();
  }

 private:
  Device* device_ = nullptr;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

// Places arrays one after the other in one allocation: a first pass counts, a second one hands out.
class Carve {
 public:
  explicit Carve(std::byte* base = nullptr) : base_(base) {}
  template <class T>
  T* take(std::size_t n) {
    const std::size_t at = bytes_;
    bytes_ += (n * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + at);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kAlignment = 256;
  std::byte* base_;
  std::size_t bytes_ = 0;
};

inline Grid grid_for(int64_t work, int per_block) { return {int((work + per_block - 1) / per_block), 1}; }

}  // namespace leankv
