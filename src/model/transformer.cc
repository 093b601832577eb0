#include "model/transformer.h"

#include <algorithm>
#include <cmath>

#include "backend/observation.h"

namespace leankv {

Matrix Transformer::Scratch::shape(int rows, int columns) {
  storage.resize(std::max(storage.size(), std::size_t(rows) * columns));
  return {storage.data(), rows, columns};
}

ConstMatrix Transformer::forward(const Batch& batch, KvCache& cache) {
  const Matrix x = x_.shape(batch.rows(), config_.hidden);
  embed(batch, x);
  prepare_angles(batch);
  for (int layer = 0; layer < config_.layers; ++layer) decoder_layer(layer, batch, cache, x);
  return logits(batch, x);
}

// One decoder layer: x += attention(norm(x)); x += feed_forward(norm(x)).
void Transformer::decoder_layer(int layer, const Batch& batch, KvCache& cache, Matrix x) {
  DenseOps& ops = *backend_.dense;
  const LayerWeights& w = weights_.layers[layer];
  const int rows = batch.rows();
  const Matrix h = normed_.shape(rows, config_.hidden), projected = projected_.shape(rows, config_.hidden);
  const Matrix q = q_.shape(rows, w.query->rows), k = k_.shape(rows, w.key->rows), v = v_.shape(rows, w.value->rows);
  const Matrix attended = attended_.shape(rows, w.query->rows);
  const Matrix gate = gate_.shape(rows, config_.feed_forward), up = up_.shape(rows, config_.feed_forward);

  gather_residual(cache, batch, layer, x);
  ops.norm(x, w.attention_norm, config_.norm_epsilon, h);
  const Linear heads[] = {{w.query.get(), q}, {w.key.get(), k}, {w.value.get(), v}};
  ops.linear_all(heads, h);
  ops.rope(q, config_.head_dim, cos_view_, sin_view_);
  ops.rope(k, config_.head_dim, cos_view_, sin_view_);
  backend_.cache->append(cache, batch, layer, k, v);
  backend_.cache->attend(cache, batch, layer, q, attended);
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

ConstMatrix Transformer::logits(const Batch& batch, Matrix x) {
  const int wanted = int(batch.logit_rows.size());
  const Matrix last = last_.shape(wanted, config_.hidden);
  for (int i = 0; i < wanted; ++i) std::ranges::copy(x.row_span(batch.logit_rows[i]), last.row(i));
  const Matrix out = logits_.shape(wanted, config_.vocabulary);
  if (wanted == 0) return out;
  backend_.dense->norm(last, weights_.output_norm, config_.norm_epsilon, last);
  backend_.dense->linear(*weights_.output, last, out);
  return out;
}

}  // namespace leankv
