// Linear layers: one row (decode) against the machine's read bandwidth, many rows (prompts) against its int8 peak.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/dense_ops.h"
#include "base/half.h"
#include "engine/stopwatch.h"
#include "kernels/pools.h"

namespace leankv {
namespace {

constexpr int64_t kWeightBytes = 192LL << 20;  // of all matrices together: far above the last cache

struct Form {
  const char* name;
  WeightType weights;
  Activations activations;
};
constexpr Form kForms[] = {
    {"q8_0/exact", WeightType::kQ8_0, Activations::kExact}, {"q8_0/int8", WeightType::kQ8_0, Activations::kInt8},
    {"q8_0/f32", WeightType::kQ8_0, Activations::kF32},     {"q4_1/exact", WeightType::kQ4_1, Activations::kExact},
    {"q4_1/int8", WeightType::kQ4_1, Activations::kInt8},
};

// Blocks of random codes with scales of a model's size.
std::vector<std::byte> random_blocks(WeightType type, int64_t elements) {
  const WeightFormat& format = weight_format(type);
  std::vector<std::byte> bytes(std::size_t(elements / format.block_size * format.block_bytes));
  std::mt19937 random(1);
  for (std::byte& b : bytes) b = std::byte(random());
  const uint16_t head[] = {float_to_half(0.001f), float_to_half(-0.0075f)};
  for (std::size_t at = 0; at < bytes.size(); at += std::size_t(format.block_bytes)) {
    std::memcpy(bytes.data() + at, head, type == WeightType::kQ4_1 ? 4 : 2);
  }
  return bytes;
}

std::vector<float> random_inputs(std::size_t n) {
  std::mt19937 random(2);
  std::vector<float> x(n);
  for (float& v : x) v = float(random() % 2001) / 1000 - 1;
  return x;
}

void linear(benchmark::State& state, const Form& form) {
  const int outputs = int(state.range(0)), inputs = int(state.range(1)), tokens = int(state.range(2));
  MeasuredPool& pool = pool_of(int(state.range(3)));
  CpuDenseOps ops(pool.threads, best_isa(), form.activations);
  const std::vector<std::byte> blocks = random_blocks(form.weights, int64_t(outputs) * inputs);
  const TensorView view{"weights", form.weights, outputs, inputs, blocks.data()};
  std::vector<std::unique_ptr<PackedWeights>> matrices;
  // Prompts use each matrix for many rows, so a few are enough.
  const int64_t wanted = tokens == 1 ? kWeightBytes : 1;
  for (int64_t bytes = 0; bytes < wanted; bytes += matrices.back()->bytes) matrices.push_back(ops.pack(view));
  const std::vector<float> x = random_inputs(std::size_t(inputs) * std::size_t(tokens));
  std::vector<float> y(std::size_t(outputs) * std::size_t(tokens));
  std::size_t next = 0;
  const Stopwatch watch;
  for (auto _ : state) {
    ops.linear(*matrices[next], {x.data(), tokens, inputs}, {y.data(), tokens, outputs});
    next = (next + 1) % matrices.size();
  }
  const double seconds = watch.ms() / 1000;
  if (tokens == 1) return count_bytes(state, pool, double(matrices.front()->bytes), seconds);
  count_operations(state, pool, 2.0 * outputs * inputs * tokens, seconds);
}

const int registered = [] {
  constexpr int kMatrices[][2] = {{1536, 576}, {576, 1536}, {49152, 576}, {8192, 2048}, {2048, 8192}};
  for (const Form& form : kForms) {
    auto* b = benchmark::RegisterBenchmark((std::string("linear/") + form.name).c_str(), linear, form);
    b->ArgNames({"outputs", "inputs", "tokens", "threads"})->UseRealTime();
    for (const auto& m : kMatrices) {
      b->Args({m[0], m[1], 1, 1})->Args({m[0], m[1], 1, 2});
      if (m[0] < 49152) b->Args({m[0], m[1], 16, 2})->Args({m[0], m[1], 512, 2});
    }
  }
  return 0;
}();

}  // namespace
}  // namespace leankv
