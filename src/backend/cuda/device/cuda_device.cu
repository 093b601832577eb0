// The Device of a real GPU: one stream, memory from the stream-ordered allocator, CUB and cuBLAS, recorded graphs.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_segmented_radix_sort.cuh>
#include <string>
#include <unordered_map>

#include "backend/cuda/device.h"
#include "backend/cuda/device/kernel_table.h"
#include "backend/cuda/make_backend.h"
#include "base/error.h"

namespace leankv {
namespace {

// A call that fails for another reason than want of memory is a defect: of this program, the driver or the device.
void check(cudaError_t result, const char* what) {
  if (result == cudaSuccess) return;
  if (result == cudaErrorMemoryAllocation)
    throw Error(ErrorKind::kDoesNotFit, std::string(what) + ": no device memory");
  check_failed((std::string(what) + ": " + cudaGetErrorString(result)).c_str(), __FILE__, __LINE__, __func__);
}

class CudaDevice : public Device {
 public:
  explicit CudaDevice(DeviceMemory kind) : shared_(kind == DeviceMemory::kShared) {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
    name_ = "cuda " + std::string(properties.name);
    processors_ = properties.multiProcessorCount;
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaMallocHost(&staging_, 2 * kStagingBytes), "allocating pinned memory");
    for (cudaEvent_t& done : staging_done_) {
      check(cudaEventCreateWithFlags(&done, cudaEventDisableTiming), "cudaEventCreate");
    }
    cudaMemPool_t pool;
    check(cudaDeviceGetDefaultMemPool(&pool, 0), "cudaDeviceGetDefaultMemPool");
    uint64_t keep = UINT64_MAX;  // what is released is kept for the next allocation
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep), "cudaMemPoolSetAttribute");
    LEANKV_CHECK(cublasCreate(&blas_) == CUBLAS_STATUS_SUCCESS);
    LEANKV_CHECK(cublasSetStream(blas_, stream_) == CUBLAS_STATUS_SUCCESS);
    blas_workspace_ = allocate(kBlasWorkspace);
    LEANKV_CHECK(cublasSetWorkspace(blas_, blas_workspace_, kBlasWorkspace) == CUBLAS_STATUS_SUCCESS);
    for (const auto add : {add_page_kernels, add_judgement_kernels, add_row_kernels, add_dense_kernels,
                           add_attend_kernels_64, add_attend_kernels_64_any, add_attend_kernels_128,
                           add_attend_kernels_128_any, add_attend_kernels_256, add_attend_kernels_256_any}) {
      add(kernels_);
    }
  }
  ~CudaDevice() override {
    scratch_ = {};
    release(blas_workspace_);
    for (auto& [key, graph] : graphs_) {
      if (graph != nullptr) cudaGraphExecDestroy(graph);
    }
    cublasDestroy(blas_);
    cudaStreamSynchronize(stream_);
    for (const cudaEvent_t done : staging_done_) cudaEventDestroy(done);
    cudaFreeHost(staging_);
    cudaStreamDestroy(stream_);
  }

  std::string_view name() const override { return name_; }
  int processors() const override { return processors_; }
  int64_t total_bytes() const override { return memory().second; }
  int64_t free_bytes() const override { return memory().first; }

  std::byte* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    const std::size_t n = std::max<std::size_t>(bytes, 1);
    check(shared_ ? cudaMallocManaged(&memory, n) : cudaMallocAsync(&memory, n, stream_),
          ("allocating " + std::to_string(bytes) + " bytes").c_str());
    return static_cast<std::byte*>(memory);
  }
  void release(std::byte* memory) override {
    check(shared_ ? cudaFree(memory) : cudaFreeAsync(memory, stream_), "releasing memory");
  }

  void upload(void* to, const void* from, std::size_t bytes) override {
    if (bytes == 0) return;
    if (bytes <= kStagingBytes) from = staged(from, bytes);
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "upload");
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    if (bytes > 0) check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "download");
    wait();
  }
  void fill(void* to, uint8_t byte, std::size_t bytes) override {
    check(cudaMemsetAsync(to, byte, bytes, stream_), "fill");
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copy");
  }
  void wait() override {
    note_wait();
    check(cudaStreamSynchronize(stream_), "waiting for the device");
  }

  void exclusive_sum(const uint32_t* in, uint32_t* out, int n) override {
    std::size_t bytes = 0;
    check(cub::DeviceScan::ExclusiveSum(nullptr, bytes, in, out, n, stream_), "exclusive sum");
    scratch_.reserve(*this, bytes);
    check(cub::DeviceScan::ExclusiveSum(scratch_.data(), bytes, in, out, n, stream_), "exclusive sum");
  }
  void sort_segments(const Sort& s) override {
    std::size_t bytes = 0;
    const auto sort = [&](void* scratch) {
      return cub::DeviceSegmentedRadixSort::SortPairs(scratch, bytes, s.keys, s.sorted_keys, s.values, s.sorted_values,
                                                      s.items, s.segments, s.begins, s.ends, 0, 32, stream_);
    };
    check(sort(nullptr), "sorting segments");
    scratch_.reserve(*this, bytes);
    check(sort(scratch_.data()), "sorting segments");
  }
  // Row-major y = x w^T is column-major y^T = w x^T.
  void multiply(const HalfProduct& p) override {
    const float one = 1, zero = 0;
    LEANKV_CHECK(cublasGemmEx(blas_, CUBLAS_OP_T, CUBLAS_OP_N, p.rows, p.tokens, p.columns, &one, p.w, CUDA_R_16F,
                              p.columns, p.x, CUDA_R_16F, p.columns, &zero, p.y, CUDA_R_32F, p.rows, CUBLAS_COMPUTE_32F,
                              CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
  }

 protected:
  void run(const char* kernel, Grid grid, const void* params) override {
    const KernelEntry& entry = kernels_.at(kernel);
    void* arguments[] = {const_cast<void*>(params)};
    check(cudaLaunchKernel(entry.function, dim3(unsigned(grid.x), unsigned(grid.y)), dim3(unsigned(entry.threads)),
                           arguments, entry.shared_bytes, stream_),
          "launching a kernel");
  }

  // The first time of a key everything runs as it is called, so that buffers grow; the second time it is recorded.
  void repeat_erased(uint64_t key, void (*fn)(void*), void* context) override {
    if (key == 0) return fn(context);
    const auto found = graphs_.find(key);
    if (found == graphs_.end()) {
      if (graphs_.size() >= kMostGraphs) forget_graphs();
      graphs_[key] = nullptr;
      return fn(context);
    }
    if (found->second == nullptr) found->second = record(fn, context);
    check(cudaGraphLaunch(found->second, stream_), "launching a graph");
  }

 private:
  static constexpr std::size_t kBlasWorkspace = 32 << 20;  // what cuBLAS recommends for Hopper
  static constexpr std::size_t kMostGraphs = 256;
  static constexpr std::size_t kStagingBytes = 4 << 20;  // of each half: some dozens of steps

  // A copy in pinned memory, from where it goes when the queue comes to it: from other memory the driver may wait for
  // the queue. A half is used again when all that was queued in its time is done, which by then it long is.
  const std::byte* staged(const void* from, std::size_t bytes) {
    if (staging_used_ + bytes > kStagingBytes) {
      check(cudaEventRecord(staging_done_[staging_half_], stream_), "cudaEventRecord");
      staging_half_ = 1 - staging_half_, staging_used_ = 0;
      check(cudaEventSynchronize(staging_done_[staging_half_]), "waiting for uploads");
    }
    std::byte* at = staging_ + std::size_t(staging_half_) * kStagingBytes + staging_used_;
    std::memcpy(at, from, bytes);
    staging_used_ += bytes;
    return at;
  }

  static std::pair<int64_t, int64_t> memory() {
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return {int64_t(free), int64_t(total)};
  }
  cudaGraphExec_t record(void (*fn)(void*), void* context) {
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "recording");
    fn(context);
    check(cudaStreamEndCapture(stream_, &graph), "recording");
    check(cudaGraphInstantiate(&executable, graph, 0), "instantiating a graph");
    check(cudaGraphDestroy(graph), "recording");
    return executable;
  }
  void forget_graphs() {
    for (auto& [key, graph] : graphs_) {
      if (graph != nullptr) check(cudaGraphExecDestroy(graph), "forgetting a graph");
    }
    graphs_.clear();
  }

  bool shared_;
  std::string name_;
  int processors_ = 0;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t blas_ = nullptr;
  std::byte* blas_workspace_ = nullptr;
  KernelTable kernels_;
  std::unordered_map<uint64_t, cudaGraphExec_t> graphs_;  // null: seen once
  std::byte* staging_ = nullptr;                          // [2, kStagingBytes]
  cudaEvent_t staging_done_[2] = {};
  int staging_half_ = 0;
  std::size_t staging_used_ = 0;
  DeviceArray<std::byte> scratch_;
};

}  // namespace

std::unique_ptr<Device> open_cuda_device(DeviceMemory memory) {
  int devices = 0;
  const cudaError_t result = cudaGetDeviceCount(&devices);
  if (result != cudaSuccess || devices == 0) {
    throw Error(ErrorKind::kUnsupported, std::string("--device cuda: no GPU is visible here (") +
                                             cudaGetErrorString(result) + "); use --device cpu");
  }
  return std::make_unique<CudaDevice>(memory);
}

}  // namespace leankv
