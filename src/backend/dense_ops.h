// The dense arithmetic of a forward pass, as each backend offers it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "backend/token_draw.h"
#include "base/matrix_view.h"
#include "base/tensor_view.h"

namespace leankv {

// Arithmetic of the linear layers' inputs.
enum class Activations {
  kExact,  // 16-bit activations as two int8 halves: costs nothing measurable; the default
  kInt8,   // int8 in blocks of 32 with f32 scales and sums: faster, KLD about .003 on a small model
  kF32,    // f32: what evaluation uses
};

// A weight matrix in the form a backend computes with. Made by DenseOps::pack, usable only with the same backend, which
// outlives it.
class PackedWeights {
 public:
  virtual ~PackedWeights() = default;
  int rows = 0;       // outputs
  int columns = 0;    // inputs
  int64_t bytes = 0;  // that a pass over all of it reads, as packed
};

// One of several linear layers with the same input: y = x w^T.
struct Linear {
  const PackedWeights* weights;
  Matrix y;  // [tokens, weights->rows]
};

// Which channels of a head turn together.
enum class RotaryPairs {
  kNeighbours,  // 2 i and 2 i + 1: GGUF's order of the rows of llama's queries and keys
  kHalves,      // i and i + rotary_dim / 2, as models are trained: GGUF's order for the others
};

// A matrix that lives where a backend computes and grows when it has to.
class MatrixMemory {
 public:
  virtual ~MatrixMemory() = default;
  virtual Matrix shape(int rows, int columns) = 0;  // what it held is lost where it grows
};

// All matrices are in memory of make_memory(). Contract of every call on the host: the result of one row of x does not
// depend on the other rows, on how many there are, or on the number of threads (bit-identical).
class DenseOps {
 public:
  virtual ~DenseOps() = default;
  virtual std::string_view name() const = 0;

  virtual std::unique_ptr<MatrixMemory> make_memory();       // default: the host's
  virtual ConstMatrix download(ConstMatrix x) { return x; }  // where the host reads it; valid until the next call

  // x [tokens, columns of the table] = its rows. The calls that take tokens, positions or rows take those of the step
  // at hand (CacheOps::run_step).
  virtual void embed(const TensorView& table, std::span<const int> tokens, Matrix x);
  // cos, sin [positions, frequencies] of position * frequency.
  virtual void angles(std::span<const int> positions, std::span<const double> inverse_frequencies, Matrix cos,
                      Matrix sin);
  // Moves these rows to the front, in their order, and returns them. REQUIRES rows ascending.
  virtual Matrix keep_rows(Matrix x, std::span<const int> rows);

  // Throws kUnsupported, naming the tensor, for a shape that it cannot take.
  virtual std::unique_ptr<PackedWeights> pack(const TensorView& weights) = 0;
  // y[t, r] = sum over c of x[t, c] w[r, c].  x [tokens, columns], y [tokens, rows].
  virtual void linear(const PackedWeights& weights, ConstMatrix x, Matrix y) = 0;
  // The same for each of the layers, which read x once.
  virtual void linear_all(std::span<const Linear> layers, ConstMatrix x) {
    for (const Linear& layer : layers) linear(*layer.weights, x, layer.y);
  }
  // y = x / sqrt(mean(x^2) + epsilon) * weight.  x and y may be the same.
  virtual void norm(ConstMatrix x, std::span<const float> weight, float epsilon, Matrix y) = 0;
  // Rotates the pairs of each head.  x [tokens, heads * head_dim]; cos, sin [tokens, rotary_dim / 2] with
  // rotary_dim <= head_dim; the channels past rotary_dim stay.
  virtual void rope(Matrix x, int head_dim, RotaryPairs pairs, ConstMatrix cos, ConstMatrix sin) = 0;
  // gate = gate / (1 + exp(-gate)) * up
  virtual void gate(Matrix gate, ConstMatrix up) = 0;
  // x += y
  virtual void add(Matrix x, ConstMatrix y) = 0;
  // Every row of x += bias, which the host keeps.  bias [columns]
  virtual void add_bias(Matrix x, std::span<const float> bias);

  // tokens[i] = draw_token() of draws[i] and its row of logits [rows, tokens that may be drawn]; waits for it. Every
  // backend draws the same token from the same logits.
  virtual void draw(ConstMatrix logits, std::span<const TokenDraw> draws, std::span<int> tokens);
};

}  // namespace leankv
