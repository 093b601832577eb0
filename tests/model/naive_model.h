// The forward pass of llama and its kin as its formulas, in double and over the whole text at once: what the
// transformer is held against. Reads nothing but the file's tensors and numbers.
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "loader/gguf.h"

namespace leankv::testing {

using Vector = std::vector<double>;
using Vectors = std::vector<Vector>;  // [tokens][channels]

class NaiveModel {
 public:
  // What a machine's number formats do, for those that want to know how far they move the result.
  std::function<void(Vector& x)> store;         // of a key or value, of all heads, on its way into the cache
  std::function<void(Vector& x)> linear_input;  // of a layer's matrices

  explicit NaiveModel(const GgufFile& file) : file_(file) {}

  // Logits of every token [tokens][vocabulary].
  Vectors logits(const std::vector<int>& tokens) const {
    const int layers = int(number("block_count"));
    const Vectors embedding = matrix("token_embd.weight");
    Vectors x;
    for (const int token : tokens) x.push_back(embedding[token]);
    for (int layer = 0; layer < layers; ++layer) add_layer("blk." + std::to_string(layer) + ".", x);
    const bool own = file_.has_tensor("output.weight");
    return linear(own ? "output.weight" : "token_embd.weight", norm("output_norm.weight", x));
  }

 private:
  double number(const std::string& key) const { return file_.number(family() + "." + key); }
  std::string family() const { return std::string(file_.string("general.architecture")); }

  Vectors matrix(const std::string& name) const {
    const TensorView t = file_.tensor(name);
    std::vector<float> values(std::size_t(t.rows * t.columns));
    dequantise(t.type, t.data, t.rows * t.columns, values.data());
    Vectors rows;
    for (int64_t r = 0; r < t.rows; ++r) rows.emplace_back(&values[r * t.columns], &values[r * t.columns] + t.columns);
    return rows;
  }
  Vectors linear(const std::string& name, Vectors x) const {
    const Vectors weights = matrix(name);
    Vectors y;
    for (Vector& row : x) {
      if (linear_input) linear_input(row);
      Vector& out = y.emplace_back();
      for (const Vector& w : weights) {
        double sum = 0;
        for (std::size_t c = 0; c < w.size(); ++c) sum += w[c] * row[c];
        out.push_back(sum);
      }
    }
    return y;
  }
  Vectors norm(const std::string& name, const Vectors& x) const {
    const Vector weight = matrix(name)[0];
    Vectors y = x;
    for (Vector& row : y) {
      for (std::size_t first = 0; first < row.size(); first += weight.size()) {  // one, or each head
        double mean = 0;
        for (std::size_t c = 0; c < weight.size(); ++c) mean += row[first + c] * row[first + c] / double(weight.size());
        for (std::size_t c = 0; c < weight.size(); ++c) {
          row[first + c] *= weight[c] / std::sqrt(mean + number("attention.layer_norm_rms_epsilon"));
        }
      }
    }
    return y;
  }
  // A projection to heads, with what the file has for it.
  Vectors heads_of(const std::string& name, const Vectors& h) const {
    Vectors x = linear(name + ".weight", h);
    if (file_.has_tensor(name + ".bias")) {
      const Vector bias = matrix(name + ".bias")[0];
      for (Vector& row : x) {
        for (std::size_t c = 0; c < row.size(); ++c) row[c] += bias[c];
      }
    }
    return file_.has_tensor(name + "_norm.weight") ? norm(name + "_norm.weight", x) : x;
  }
  // Pairs of channels, turned by the token's position: llama's are neighbours, the others' half a head apart.
  void turn(Vectors& x, int head_dim) const {
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (int pair = 0; pair < int(x[t].size()) / 2; ++pair) {
        const int head = pair / (head_dim / 2) * head_dim, i = pair % (head_dim / 2);
        double& first = x[t][std::size_t(head + (family() == "llama" ? 2 * i : i))];
        double& second = x[t][std::size_t(head + (family() == "llama" ? 2 * i + 1 : i + head_dim / 2))];
        const double angle = double(t) * std::pow(number("rope.freq_base"), -2.0 * i / head_dim);
        const double a = first, b = second;
        first = a * std::cos(angle) - b * std::sin(angle);
        second = a * std::sin(angle) + b * std::cos(angle);
      }
    }
  }

  Vectors attention(const std::string& prefix, const Vectors& h) const {
    const int heads = int(number("attention.head_count")), group = heads / int(number("attention.head_count_kv"));
    Vectors q = heads_of(prefix + "attn_q", h), k = heads_of(prefix + "attn_k", h), v = heads_of(prefix + "attn_v", h);
    Vectors out(h.size(), Vector(q[0].size()));
    const int dim = int(q[0].size()) / heads;
    turn(q, dim), turn(k, dim);
    for (std::size_t t = 0; store && t < h.size(); ++t) store(k[t]), store(v[t]);
    for (std::size_t t = 0; t < h.size(); ++t) {
      for (int i = 0; i < heads; ++i) {
        Vector p(t + 1);
        double sum = 0;
        for (std::size_t s = 0; s <= t; ++s) {
          for (int c = 0; c < dim; ++c) p[s] += q[t][i * dim + c] * k[s][i / group * dim + c] / std::sqrt(dim);
          sum += p[s] = std::exp(p[s]);
        }
        for (std::size_t s = 0; s <= t; ++s) {
          for (int c = 0; c < dim; ++c) out[t][i * dim + c] += p[s] / sum * v[s][i / group * dim + c];
        }
      }
    }
    return linear(prefix + "attn_output.weight", out);
  }
  Vectors feed_forward(const std::string& prefix, const Vectors& h) const {
    Vectors gate = linear(prefix + "ffn_gate.weight", h);
    const Vectors up = linear(prefix + "ffn_up.weight", h);
    for (std::size_t t = 0; t < gate.size(); ++t) {
      for (std::size_t c = 0; c < gate[t].size(); ++c) gate[t][c] *= up[t][c] / (1 + std::exp(-gate[t][c]));
    }
    return linear(prefix + "ffn_down.weight", gate);
  }
  void add_layer(const std::string& prefix, Vectors& x) const {
    const auto add = [&](const Vectors& y) {
      for (std::size_t t = 0; t < x.size(); ++t) {
        for (std::size_t c = 0; c < x[t].size(); ++c) x[t][c] += y[t][c];
      }
    };
    add(attention(prefix, norm(prefix + "attn_norm.weight", x)));
    add(feed_forward(prefix, norm(prefix + "ffn_norm.weight", x)));
  }

  const GgufFile& file_;
};

}  // namespace leankv::testing
