#include "model/transformer.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "backend/observation.h"

namespace leankv {
namespace {

// Moves these rows to the front, in their order. REQUIRES rows ascending.
Matrix keep_rows(Matrix x, std::span<const int> rows) {
  int kept = 0;
  for (int row : rows) {
    if (row != kept) std::ranges::copy(x.row_span(row), x.row(kept));
    ++kept;
  }
  return x.block(0, kept);
}

}  // namespace

Matrix Transformer::Scratch::shape(int rows, int columns) {
  storage.resize(std::max(storage.size(), std::size_t(rows) * columns));
  return {storage.data(), rows, columns};
}

ConstMatrix Transformer::forward(const Batch& batch, KvCache& cache) {
  Matrix x = x_.shape(batch.rows(), config_.hidden);
  embed(batch, x);
  prepare_angles(batch);
  for (int layer = 0; layer < config_.layers; ++layer) {
    Matrix attended = attend(layer, batch, cache, x);
    if (layer == config_.layers - 1) {  // its keys and values are stored: nobody reads the other rows any more
      x = keep_rows(x, batch.logit_rows);
      attended = keep_rows(attended, batch.logit_rows);
    }
    finish_layer(weights_.layers[layer], attended, x);
  }
  return logits(x);
}

// A decoder layer is x += output(attention(norm(x))); x += feed_forward(norm(x)). Its first half, up to the heads'
// outputs [rows, heads * head_dim].
Matrix Transformer::attend(int layer, const Batch& batch, KvCache& cache, Matrix x) {
  DenseOps& ops = *backend_.dense;
  const LayerWeights& w = weights_.layers[layer];
  const int rows = batch.rows();
  const Matrix h = normed_.shape(rows, config_.hidden);
  const Matrix q = q_.shape(rows, w.query->rows), k = k_.shape(rows, w.key->rows), v = v_.shape(rows, w.value->rows);
  const Matrix attended = attended_.shape(rows, w.query->rows);

  gather_residual(cache, batch, layer, x);
  ops.norm(x, w.attention_norm, config_.norm_epsilon, h);
  const Linear heads[] = {{w.query.get(), q}, {w.key.get(), k}, {w.value.get(), v}};
  ops.linear_all(heads, h);
  ops.rope(q, config_.head_dim, cos_view_, sin_view_);
  ops.rope(k, config_.head_dim, cos_view_, sin_view_);
  backend_.cache->append(cache, batch, layer, k, v);
  backend_.cache->attend(cache, batch, layer, q, attended);
  return attended;
}

// The rest of the layer, row by row.
void Transformer::finish_layer(const LayerWeights& w, ConstMatrix attended, Matrix x) {
  if (x.rows == 0) return;
  DenseOps& ops = *backend_.dense;
  const Matrix h = normed_.shape(x.rows, config_.hidden), projected = projected_.shape(x.rows, config_.hidden);
  const Matrix gate = gate_.shape(x.rows, config_.feed_forward), up = up_.shape(x.rows, config_.feed_forward);

  ops.linear(*w.attention_output, attended, projected);
  ops.add(x, projected);
  ops.norm(x, w.feed_forward_norm, config_.norm_epsilon, h);
  const Linear halves[] = {{w.gate.get(), gate}, {w.up.get(), up}};
  ops.linear_all(halves, h);
  ops.gate(gate, up);
  ops.linear(*w.down, gate, projected);
  ops.add(x, projected);
}

void Transformer::embed(const Batch& batch, Matrix x) {
  const TensorView& table = weights_.embedding;
  const WeightFormat& format = weight_format(table.type);
  const int64_t row_bytes = table.columns / format.block_size * format.block_bytes;
  for (int r = 0; r < batch.rows(); ++r) {
    dequantise(table.type, table.data + batch.tokens[r] * row_bytes, table.columns, x.row(r));
  }
}

void Transformer::prepare_angles(const Batch& batch) {
  const int pairs = int(config_.inverse_frequencies.size());
  cos_view_ = cos_.shape(batch.rows(), pairs);
  sin_view_ = sin_.shape(batch.rows(), pairs);
  for (int r = 0; r < batch.rows(); ++r) {
    for (int i = 0; i < pairs; ++i) {
      const double angle = batch.positions[r] * config_.inverse_frequencies[i];
      cos_view_.row(r)[i] = float(std::cos(angle));
      sin_view_.row(r)[i] = float(std::sin(angle));
    }
  }
}

ConstMatrix Transformer::logits(Matrix x) {
  const Matrix out = logits_.shape(x.rows, config_.vocabulary);
  if (x.rows == 0) return out;
  backend_.dense->norm(x, weights_.output_norm, config_.norm_epsilon, x);
  backend_.dense->linear(*weights_.output, x, out);
  return out;
}

}  // namespace leankv
