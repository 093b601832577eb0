#include "backend/cuda/dense_ops.h"

#include <algorithm>

#include "backend/cuda/dense.cuh"
#include "backend/cuda/dense_rows.cuh"
#include "base/error.h"

namespace leankv {
namespace {

class DeviceMatrix : public MatrixMemory {
 public:
  explicit DeviceMatrix(Device& device) : device_(device) {}
  Matrix shape(int rows, int columns) override {
    storage_.reserve(device_, std::size_t(rows) * std::size_t(columns));
    return {storage_.data(), rows, columns};
  }

 private:
  Device& device_;
  DeviceArray<float> storage_;
};

RowsView view(ConstMatrix x) { return {x.data, int(x.stride)}; }

const CudaPackedWeights& packed(const PackedWeights& weights) {
  const auto* mine = dynamic_cast<const CudaPackedWeights*>(&weights);
  LEANKV_CHECK(mine != nullptr);
  return *mine;
}

}  // namespace

CudaDenseOps::CudaDenseOps(Device& device, StepInputs& inputs)
    : device_(device), inputs_(inputs), halves_left_(device.free_bytes() / kHalvesShare) {}

std::unique_ptr<MatrixMemory> CudaDenseOps::make_memory() { return std::make_unique<DeviceMatrix>(device_); }

ConstMatrix CudaDenseOps::download(ConstMatrix x) {
  LEANKV_CHECK(x.stride == x.columns);
  downloaded_.resize(std::size_t(x.rows) * std::size_t(x.columns));
  if (!downloaded_.empty()) device_.download(downloaded_.data(), x.data, downloaded_.size() * sizeof(float));
  return {downloaded_.data(), x.rows, x.columns};
}

// Values that stay where they are on the host as long as this: norms, frequencies.
template <class T>
const T* CudaDenseOps::uploaded(std::span<const T> values) {
  DeviceArray<std::byte>& memory = uploads_[values.data()];
  if (memory.data() == nullptr) {
    memory = DeviceArray<std::byte>(device_, values.size_bytes());
    device_.upload(memory.data(), values.data(), values.size_bytes());
  }
  return reinterpret_cast<const T*>(memory.data());
}

void CudaDenseOps::embed(const TensorView& table, std::span<const int> tokens, Matrix x) {
  std::unique_ptr<CudaPackedWeights>& weights = tables_[table.data];
  if (weights == nullptr) weights = std::make_unique<CudaPackedWeights>(device_, tile_weights(table));
  const Grid grid{grid_for(x.columns, EmbedKernel::kThreads).x, int(tokens.size())};
  device_.launch<EmbedKernel>(grid, {weights->tiles(), inputs_.tokens(), x.data, int(x.stride)});
}

void CudaDenseOps::angles(std::span<const int> positions, std::span<const double> inverse_frequencies, Matrix cos,
                          Matrix sin) {
  const int pairs = int(inverse_frequencies.size());
  const Grid grid{grid_for(pairs, AnglesKernel::kThreads).x, int(positions.size())};
  device_.launch<AnglesKernel>(grid, {inputs_.positions(), uploaded(inverse_frequencies), pairs, cos.data, sin.data});
}

Matrix CudaDenseOps::keep_rows(Matrix x, std::span<const int> rows) {
  const int n = int(rows.size());
  device_.launch<KeepRowsKernel>(grid_for(x.columns, KeepRowsKernel::kThreads),
                                 {x.data, int(x.stride), x.columns, inputs_.logit_rows(), n});
  return x.block(0, n);
}

std::unique_ptr<PackedWeights> CudaDenseOps::pack(const TensorView& tensor) {
  auto weights = std::make_unique<CudaPackedWeights>(device_, tile_weights(tensor));
  const int64_t halves = int64_t(weights->rows) * weights->columns * int64_t(sizeof(uint16_t));
  if (halves <= halves_left_) {
    halves_left_ -= halves;
    weights->keep_halves(device_);
  }
  return weights;
}

void CudaDenseOps::linear(const PackedWeights& weights, ConstMatrix x, Matrix y) {
  const Linear one{&weights, y};
  linear_all({&one, 1}, x);
}

void CudaDenseOps::linear_all(std::span<const Linear> layers, ConstMatrix x) {
  if (x.rows == 0) return;
  const HalfRows rows = prepare(x);
  for (const Linear& layer : layers) {
    const CudaPackedWeights& weights = packed(*layer.weights);
    LEANKV_CHECK(weights.columns == x.columns && layer.y.columns == weights.rows && layer.y.rows == x.rows);
    x.rows <= kFewRows ? multiply(weights, rows, x.rows, layer.y) : multiply_halves(weights, rows, x.rows, layer.y);
  }
}

HalfRows CudaDenseOps::prepare(ConstMatrix x) {
  const std::size_t n = std::size_t(x.rows) * std::size_t(x.columns);
  high_.reserve(device_, n);
  low_.reserve(device_, n);
  block_sums_.reserve(device_, n / kWeightBlock);
  row_scales_.reserve(device_, std::size_t(x.rows));
  const HalfRows rows{high_.data(), low_.data(), block_sums_.data(), row_scales_.data()};
  device_.launch<PrepareRowsKernel>({x.rows}, {view(x), x.columns, rows});
  return rows;
}

void CudaDenseOps::multiply(const CudaPackedWeights& weights, const HalfRows& x, int rows, Matrix y) {
  const WeightTiles tiles = weights.tiles();
  const auto launch = [&]<WeightCodes kCodes>() {
    using Kernel = LinearKernel<kCodes>;
    const Grid grid{tiles.tiles(), (rows + Kernel::kRows - 1) / Kernel::kRows};
    device_.launch<Kernel>(grid, {tiles, x, rows, y.data, int(y.stride)});
  };
  switch (tiles.codes) {
    case WeightCodes::k4:
      return launch.operator()<WeightCodes::k4>();
    case WeightCodes::k8:
      return launch.operator()<WeightCodes::k8>();
    case WeightCodes::kHalf:
      return launch.operator()<WeightCodes::kHalf>();
  }
}

void CudaDenseOps::multiply_halves(const CudaPackedWeights& weights, const HalfRows& x, int rows, Matrix y) {
  const int columns = weights.columns;
  const int most = weights.halves() != nullptr ? weights.rows
                                               : std::clamp(int(kHalvesAtOnce / std::size_t(columns)), 1, weights.rows);
  product_.reserve(device_, std::size_t(rows) * std::size_t(most));
  for (int first = 0; first < weights.rows; first += most) {
    const int outputs = std::min(most, weights.rows - first);
    const uint16_t* halves = weights.halves();
    const float* scales = weights.half_scales();
    if (halves == nullptr) {
      halves_.reserve(device_, std::size_t(most) * std::size_t(columns));
      half_scales_.reserve(device_, std::size_t(most));
      device_.launch<HalvesKernel>({outputs}, {weights.tiles(), first, halves_.data(), half_scales_.data()});
      halves = halves_.data(), scales = half_scales_.data();
    }
    device_.multiply({x.high, halves, product_.data(), rows, outputs, columns});
    const Grid grid{grid_for(outputs, ScaleProductKernel::kThreads).x, rows};
    device_.launch<ScaleProductKernel>(grid,
                                       {product_.data(), x.scales, scales, outputs, y.data + first, int(y.stride)});
  }
}

void CudaDenseOps::norm(ConstMatrix x, std::span<const float> weight, float epsilon, Matrix y) {
  LEANKV_CHECK(y.rows == x.rows && y.columns == x.columns && int(weight.size()) == x.columns);
  device_.launch<NormKernel>({x.rows}, {view(x), x.columns, uploaded(weight), epsilon, y.data, int(y.stride)});
}

void CudaDenseOps::rope(Matrix x, int head_dim, RotaryPairs pairs, ConstMatrix cos, ConstMatrix sin) {
  LEANKV_CHECK(head_dim > 0 && x.columns % head_dim == 0 && 2 * cos.columns <= head_dim && cos.rows == x.rows);
  const int heads = x.columns / head_dim;
  const Grid grid{grid_for(heads * cos.columns, RopeKernel::kThreads).x, x.rows};
  const bool neighbours = pairs == RotaryPairs::kNeighbours;
  device_.launch<RopeKernel>(grid, {x.data, int(x.stride), heads, head_dim, cos.columns, neighbours ? 2 : 1,
                                    neighbours ? 1 : cos.columns, view(cos), view(sin)});
}

void CudaDenseOps::gate(Matrix gate, ConstMatrix up) {
  LEANKV_CHECK(gate.rows == up.rows && gate.columns == up.columns);
  const Grid grid{grid_for(gate.columns, GateKernel::kThreads).x, gate.rows};
  device_.launch<GateKernel>(grid, {gate.data, int(gate.stride), gate.columns, view(up)});
}

void CudaDenseOps::add(Matrix x, ConstMatrix y) {
  LEANKV_CHECK(x.rows == y.rows && x.columns == y.columns);
  const Grid grid{grid_for(x.columns, AddKernel::kThreads).x, x.rows};
  device_.launch<AddKernel>(grid, {x.data, int(x.stride), x.columns, view(y)});
}

void CudaDenseOps::add_bias(Matrix x, std::span<const float> bias) {
  add(x, {uploaded(bias), x.rows, int(bias.size()), 0});
}

}  // namespace leankv
