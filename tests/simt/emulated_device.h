// A Device whose memory is the host's and whose kernels run in the emulator, at once and in order.
#pragma once

#include <map>

#include "backend/cuda/device.h"
#include "simt/emulated_kernels.h"

namespace leankv::simt {

class EmulatedDevice : public Device {
 public:
  explicit EmulatedDevice(Order order = Order::kForward);
  EmulatedDevice(Order order, EmulatedKernels kernels) : order_(order), kernels_(std::move(kernels)) {}

  std::string_view name() const override { return "emulated"; }
  int processors() const override { return 2; }
  int64_t total_bytes() const override { return int64_t(1) << 32; }
  int64_t free_bytes() const override { return int64_t(1) << 32; }
  std::byte* allocate(std::size_t bytes) override;
  void release(std::byte* memory) override;
  void upload(void* to, const void* from, std::size_t bytes) override;
  void download(void* to, const void* from, std::size_t bytes) override;
  void fill(void* to, uint8_t byte, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void wait() override { note_wait(); }
  void exclusive_sum(const uint32_t* in, uint32_t* out, int n) override;
  void sort_segments(const Sort& sort) override;
  void multiply(const HalfProduct& product) override;

  int launches() const { return launches_; }

 protected:
  void run(const char* kernel, Grid grid, const void* params) override;
  void repeat_erased(uint64_t, void (*fn)(void*), void* context) override { fn(context); }

 private:
  Order order_;
  EmulatedKernels kernels_;
  std::map<const std::byte*, std::unique_ptr<GuardedBytes>> memory_;
  int launches_ = 0;
};

}  // namespace leankv::simt
