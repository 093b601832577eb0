#include "model/weights.h"

#include <algorithm>
#include <set>
#include <string>

#include "base/error.h"

namespace leankv {
namespace {

class WeightReader {
 public:
  WeightReader(const GgufFile& file, DenseOps& ops) : file_(file), ops_(ops) {}

  TensorView view(const std::string& name, int64_t rows, int64_t columns) {
    const TensorView tensor = file_.tensor(name);
    if (tensor.rows != rows || tensor.columns != columns) {
      throw Error(ErrorKind::kBadFile, file_.name() + ": " + name + " is " + std::to_string(tensor.rows) + " x " +
                                           std::to_string(tensor.columns) + ", expected " + std::to_string(rows) +
                                           " x " + std::to_string(columns));
    }
    used_.insert(name);
    return tensor;
  }
  std::unique_ptr<PackedWeights> matrix(const std::string& name, int64_t rows, int64_t columns) {
    return ops_.pack(view(name, rows, columns));
  }
  std::vector<float> vector(const std::string& name, int64_t columns) {
    const TensorView tensor = view(name, 1, columns);
    std::vector<float> values(columns);
    dequantise(tensor.type, tensor.data, columns, values.data());
    return values;
  }
  bool has(const std::string& name) const { return file_.has_tensor(name); }
  void ignore(const std::string& name) { used_.insert(name); }
  // A tensor that nobody asked for would be computed without, silently.
  void check_all_used() const {
    for (const TensorInfo& tensor : file_.tensors()) {
      if (used_.contains(std::string(tensor.name))) continue;
      throw Error(ErrorKind::kUnsupported,
                  file_.name() + ": tensor " + std::string(tensor.name) + " has no place in this architecture");
    }
  }

 private:
  const GgufFile& file_;
  DenseOps& ops_;
  std::set<std::string> used_;
};

void load_biases(WeightReader& r, const ModelConfig& c, const std::string& p, LayerWeights& w) {
  const int queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  const std::string names[] = {p + "attn_q.bias", p + "attn_k.bias", p + "attn_v.bias"};
  const bool has_any = std::ranges::any_of(names, [&](const std::string& name) { return r.has(name); });
  if (!has_any && !c.architecture.has_biases) return;
  w.query_bias = r.vector(names[0], queries);
  w.key_bias = r.vector(names[1], keys);
  w.value_bias = r.vector(names[2], keys);
}

LayerWeights load_layer(WeightReader& r, const ModelConfig& c, int layer) {
  const std::string p = "blk." + std::to_string(layer) + ".";
  const int queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  LayerWeights w;
  w.attention_norm = r.vector(p + "attn_norm.weight", c.hidden);
  w.query = r.matrix(p + "attn_q.weight", queries, c.hidden);
  w.key = r.matrix(p + "attn_k.weight", keys, c.hidden);
  w.value = r.matrix(p + "attn_v.weight", keys, c.hidden);
  load_biases(r, c, p, w);
  if (c.architecture.has_head_norms) {
    w.query_norm = r.vector(p + "attn_q_norm.weight", c.head_dim);
    w.key_norm = r.vector(p + "attn_k_norm.weight", c.head_dim);
  }
  w.attention_output = r.matrix(p + "attn_output.weight", c.hidden, queries);
  w.feed_forward_norm = r.vector(p + "ffn_norm.weight", c.hidden);
  w.gate = r.matrix(p + "ffn_gate.weight", c.feed_forward, c.hidden);
  w.up = r.matrix(p + "ffn_up.weight", c.feed_forward, c.hidden);
  w.down = r.matrix(p + "ffn_down.weight", c.hidden, c.feed_forward);
  return w;
}

// Adds the layer's energies: squares of the output matrix, summed by KV head.
void append_output_energy(const TensorView& output, const ModelConfig& c, std::vector<double>& energies) {
  const std::size_t first = energies.size();
  energies.resize(first + c.kv_heads);
  std::vector<float> row(output.columns);
  for (int64_t r = 0; r < output.rows; ++r) {
    dequantise(output.type, output.data + r * output.row_bytes(), output.columns, row.data());
    for (int i = 0; i < int(row.size()); ++i) {
      energies[first + i / c.head_dim / c.group()] += double(row[i]) * row[i] / c.group() / c.head_dim;
    }
  }
}

}  // namespace

int64_t ModelWeights::packed_bytes() const {
  int64_t bytes = output->bytes;
  for (const LayerWeights& w : layers) {
    for (const auto* matrix : {&w.query, &w.key, &w.value, &w.attention_output, &w.gate, &w.up, &w.down}) {
      bytes += (*matrix)->bytes;
    }
  }
  return bytes;
}

ModelWeights load_weights(const GgufFile& file, const ModelConfig& c, DenseOps& ops, const Progress& progress) {
  WeightReader r(file, ops);
  ModelWeights w;
  w.embedding = r.view("token_embd.weight", c.vocabulary, c.hidden);
  for (int layer = 0; layer < c.layers; ++layer) {
    w.layers.push_back(load_layer(r, c, layer));
    append_output_energy(file.tensor("blk." + std::to_string(layer) + ".attn_output.weight"), c, w.output_energy);
    if (progress) progress(double(layer + 1) / (c.layers + 2));
  }
  w.output_norm = r.vector("output_norm.weight", c.hidden);
  w.output = r.matrix(file.has_tensor("output.weight") ? "output.weight" : "token_embd.weight", c.vocabulary, c.hidden);
  r.ignore("rope_freqs.weight");  // read by config.cc
  r.check_all_used();
  if (progress) progress(1);
  return w;
}

}  // namespace leankv
