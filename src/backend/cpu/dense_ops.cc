#include "backend/cpu/dense_ops.h"

#include <algorithm>

#include "base/error.h"

namespace leankv {
namespace {

constexpr int kRowsPerTask = 96;  // a multiple of what kernels compute at once: 6 rows, in tiles 32
constexpr int kTilesPerTask = 4;  // what multiply_float computes at once
constexpr int kFewRows = 16;      // below this, tasks are cut finer so that no thread waits long for the last one

// How tiles x rows of a layer are cut into tasks: the rows of a few tiles, then the next tiles, so that consecutive
// tasks read consecutive weights.
struct Cut {
  int tiles, rows, tiles_per_task, row_parts;

  int tasks() const { return (tiles + tiles_per_task - 1) / tiles_per_task * row_parts; }
  TileRange range(int task) const {
    const int tile = task / row_parts * tiles_per_task, row = task % row_parts * kRowsPerTask;
    return {tile, std::min(tile + tiles_per_task, tiles), row, std::min(row + kRowsPerTask, rows)};
  }
};

Cut cut(int tiles, int rows) {
  return {tiles, rows, rows < kFewRows ? kTilesPerTask / 2 : kTilesPerTask, (rows + kRowsPerTask - 1) / kRowsPerTask};
}

struct LayerTasks {
  TiledWeights weights;
  Matrix y;
  bool in_codes;  // multiplied as integers
  Cut cut;
  int first_task = 0;
};

bool is_available(Isa isa) {
  const std::vector<Isa> isas = available_isas();
  return std::find(isas.begin(), isas.end(), isa) != isas.end();
}

}  // namespace

CpuDenseOps::CpuDenseOps(ThreadPool& pool, Isa isa, Activations activations)
    : pool_(pool),
      activations_(activations),
      name_("cpu " + std::string(isa_name(isa))),
      linear_(linear_kernels(isa)),
      rows_(row_kernels(isa)) {
  LEANKV_CHECK(is_available(isa));
}

std::unique_ptr<PackedWeights> CpuDenseOps::pack(const TensorView& weights) {
  auto packed = std::make_unique<CpuPackedWeights>(weights, memory_);
  pool_.run(packed->tiles(), [&](int tile, int) { packed->pack_tile(weights, tile); });
  return packed;
}

void CpuDenseOps::linear(const PackedWeights& weights, ConstMatrix x, Matrix y) {
  const Linear layer{&weights, y};
  linear_all({&layer, 1}, x);
}

void CpuDenseOps::linear_all(std::span<const Linear> layers, ConstMatrix x) {
  std::vector<LayerTasks> work;
  work.reserve(layers.size());
  bool quantised = false;
  for (const Linear& layer : layers) {
    const auto* packed = dynamic_cast<const CpuPackedWeights*>(layer.weights);
    LEANKV_CHECK(packed != nullptr && x.columns == packed->columns);
    LEANKV_CHECK(layer.y.columns == packed->rows && layer.y.rows == x.rows);
    const bool in_codes = packed->is_quantised() && activations_ != Activations::kF32;
    quantised = quantised || in_codes;
    work.push_back({packed->view(), layer.y, in_codes, cut(packed->tiles(), x.rows)});
  }
  const QuantisedActivations codes = quantised ? quantise(x) : QuantisedActivations{};
  int tasks = 0;
  for (LayerTasks& layer : work) {
    layer.first_task = tasks;
    tasks += layer.cut.tasks();
  }
  pool_.run(tasks, [&](int task, int) {
    const LayerTasks* layer = &work.back();
    while (task < layer->first_task) --layer;
    const TileRange range = layer->cut.range(task - layer->first_task);
    if (layer->in_codes) {
      linear_.multiply_quantised(layer->weights, codes, range, layer->y);
    } else {
      linear_.multiply_float(layer->weights, x, range, layer->y);
    }
  });
}

QuantisedActivations CpuDenseOps::quantise(ConstMatrix x) {
  const int blocks = x.columns / kBlockInputs;
  const int halves = activations_ == Activations::kInt8 ? 1 : 2;
  const size_t needed = size_t(x.rows) * size_t(blocks);
  if (stats_.size() < needed) stats_.resize(needed);
  if (codes_.size() < needed * kBlockInputs * size_t(halves)) codes_.resize(needed * kBlockInputs * size_t(halves));
  for_each_row(x.rows, [&](int row) {
    const size_t first = size_t(row) * size_t(blocks);
    linear_.quantise_row(x.row(row), blocks, halves, codes_.data() + first * kBlockInputs * size_t(halves),
                         stats_.data() + first);
  });
  return {blocks, halves, codes_.data(), stats_.data()};
}

// Calls fn(row) for every row; a few rows are not worth waking the pool.
template <class Fn>
void CpuDenseOps::for_each_row(int rows, Fn&& fn) {
  constexpr int kRowsAtOnce = 8;
  pool_.run((rows + kRowsAtOnce - 1) / kRowsAtOnce, [&](int task, int) {
    const int end = std::min(rows, (task + 1) * kRowsAtOnce);
    for (int row = task * kRowsAtOnce; row < end; ++row) fn(row);
  });
}

void CpuDenseOps::norm(ConstMatrix x, std::span<const float> weight, float epsilon, Matrix y) {
  LEANKV_CHECK(y.rows == x.rows && y.columns == x.columns && int(weight.size()) == x.columns);
  for_each_row(x.rows, [&](int row) { rows_.norm_row(x.row(row), weight.data(), epsilon, x.columns, y.row(row)); });
}

void CpuDenseOps::rope(Matrix x, int head_dim, RotaryPairs pairs, ConstMatrix cos, ConstMatrix sin) {
  LEANKV_CHECK(head_dim > 0 && x.columns % head_dim == 0 && 2 * cos.columns <= head_dim);
  LEANKV_CHECK(cos.rows == x.rows && sin.rows == x.rows && sin.columns == cos.columns);
  const auto rotate_row = pairs == RotaryPairs::kNeighbours ? rows_.rotate_neighbours : rows_.rotate_halves;
  for_each_row(x.rows, [&](int row) {
    rotate_row(x.row(row), x.columns / head_dim, head_dim, cos.row(row), sin.row(row), cos.columns);
  });
}

void CpuDenseOps::gate(Matrix gate, ConstMatrix up) {
  LEANKV_CHECK(gate.rows == up.rows && gate.columns == up.columns);
  for_each_row(gate.rows, [&](int row) { rows_.gate_row(gate.row(row), up.row(row), gate.columns); });
}

void CpuDenseOps::add(Matrix x, ConstMatrix y) {
  LEANKV_CHECK(x.rows == y.rows && x.columns == y.columns);
  for_each_row(x.rows, [&](int row) { rows_.add_row(x.row(row), y.row(row), x.columns); });
}

void CpuDenseOps::draw(ConstMatrix logits, std::span<const TokenDraw> draws, std::span<int> tokens) {
  pool_.run(int(draws.size()), [&](int i, int) {
    tokens[std::size_t(i)] = draw_token(logits.row_span(draws[std::size_t(i)].row), draws[std::size_t(i)]);
  });
}

}  // namespace leankv
