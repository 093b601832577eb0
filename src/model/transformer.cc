#include "model/transformer.h"

#include "backend/observation.h"

namespace leankv {
Transformer::Transformer(const ModelConfig& config, const ModelWeights& weights, Backend& backend)
    : config_(config), weights_(weights), backend_(backend) {
  for (std::unique_ptr<MatrixMemory>* memory :
       {&x_, &normed_, &q_, &k_, &v_, &attended_, &projected_, &gate_, &up_, &cos_, &sin_, &logits_}) {
    *memory = backend.dense->make_memory();
  }
}

ConstMatrix Transformer::forward(const Batch& batch, KvCache& cache) {
  const Matrix logits = logits_->shape(int(batch.logit_rows.size()), config_.vocabulary);
  backend_.cache->run_step(cache, batch, [&] { compute(batch, cache, logits); });
  return logits;
}

void Transformer::compute(const Batch& batch, KvCache& cache, Matrix logits) {
  DenseOps& ops = *backend_.dense;
  const int pairs = int(config_.inverse_frequencies.size());
  Matrix x = x_->shape(batch.rows(), config_.hidden);
  cos_view_ = cos_->shape(batch.rows(), pairs);
  sin_view_ = sin_->shape(batch.rows(), pairs);
  ops.embed(weights_.embedding, batch.tokens, x);
  ops.angles(batch.positions, config_.inverse_frequencies, cos_view_, sin_view_);
  for (int layer = 0; layer < config_.layers; ++layer) {
    Matrix attended = attend(layer, batch, cache, x);
    if (layer == config_.layers - 1) {  // its keys and values are stored: nobody reads the other rows any more
      x = ops.keep_rows(x, batch.logit_rows);
      attended = ops.keep_rows(attended, batch.logit_rows);
    }
    finish_layer(weights_.layers[layer], attended, x);
  }
  if (x.rows == 0) return;
  ops.norm(x, weights_.output_norm, config_.norm_epsilon, x);
  ops.linear(*weights_.output, x, logits);
}

// A decoder layer is x += output(attention(norm(x))); x += feed_forward(norm(x)). Its first half, up to the heads'
// outputs [rows, heads * head_dim].
Matrix Transformer::attend(int layer, const Batch& batch, KvCache& cache, Matrix x) {
  DenseOps& ops = *backend_.dense;
  const LayerWeights& w = weights_.layers[layer];
  const int rows = batch.rows();
  const Matrix h = normed_->shape(rows, config_.hidden);
  const Matrix q = q_->shape(rows, w.query->rows), k = k_->shape(rows, w.key->rows), v = v_->shape(rows, w.value->rows);
  const Matrix attended = attended_->shape(rows, w.query->rows);

  gather_residual(cache, batch, layer, x);
  ops.norm(x, w.attention_norm, config_.norm_epsilon, h);
  const Linear heads[] = {{w.query.get(), q}, {w.key.get(), k}, {w.value.get(), v}};
  ops.linear_all(heads, h);
  if (!w.value_bias.empty()) ops.add_bias(v, w.value_bias);
  turn(q, w.query_bias, w.query_norm);
  turn(k, w.key_bias, w.key_norm);
  backend_.cache->append(cache, batch, layer, k, v);
  backend_.cache->attend(cache, batch, layer, q, attended);
  return attended;
}

// What queries and keys go through: a bias and a norm of each head where the model has them, then the rotation.
void Transformer::turn(Matrix x, std::span<const float> bias, std::span<const float> head_norm) {
  DenseOps& ops = *backend_.dense;
  if (!bias.empty()) ops.add_bias(x, bias);
  const Matrix heads(x.data, x.rows * (x.columns / config_.head_dim), config_.head_dim);
  if (!head_norm.empty()) ops.norm(heads, head_norm, config_.norm_epsilon, heads);
  ops.rope(x, config_.head_dim, config_.architecture.rotary_pairs, cos_view_, sin_view_);
}

// The rest of the layer, row by row.
void Transformer::finish_layer(const LayerWeights& w, ConstMatrix attended, Matrix x) {
  if (x.rows == 0) return;
  DenseOps& ops = *backend_.dense;
  const Matrix h = normed_->shape(x.rows, config_.hidden), projected = projected_->shape(x.rows, config_.hidden);
  const Matrix gate = gate_->shape(x.rows, config_.feed_forward), up = up_->shape(x.rows, config_.feed_forward);

  ops.linear(*w.attention_output, attended, projected);
  ops.add(x, projected);
  ops.norm(x, w.feed_forward_norm, config_.norm_epsilon, h);
  const Linear halves[] = {{w.gate.get(), gate}, {w.up.get(), up}};
  ops.linear_all(halves, h);
  ops.gate(gate, up);
  ops.linear(*w.down, gate, projected);
  ops.add(x, projected);
}

}  // namespace leankv
