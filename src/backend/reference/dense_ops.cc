#include "backend/reference/dense_ops.h"

#include <cmath>
#include <vector>

#include "base/error.h"

namespace leankv {
namespace {

struct ReferenceWeights : PackedWeights {
  std::vector<float> values;  // [rows, columns]
};

}  // namespace

std::unique_ptr<PackedWeights> ReferenceDenseOps::pack(const TensorView& weights) {
  if (weights.columns % weight_format(weights.type).block_size != 0) {
    throw Error(ErrorKind::kUnsupported, "tensor " + weights.name + ": a row of " + std::to_string(weights.columns) +
                                             " is not whole blocks of its type; convert the model again");
  }
  auto packed = std::make_unique<ReferenceWeights>();
  packed->rows = int(weights.rows);
  packed->columns = int(weights.columns);
  packed->values.resize(size_t(weights.rows * weights.columns));
  packed->bytes = int64_t(packed->values.size() * sizeof(float));
  dequantise(weights.type, weights.data, weights.rows * weights.columns, packed->values.data());
  return packed;
}

void ReferenceDenseOps::linear(const PackedWeights& weights, ConstMatrix x, Matrix y) {
  const auto* w = dynamic_cast<const ReferenceWeights*>(&weights);
  LEANKV_CHECK(w != nullptr && x.columns == w->columns && y.columns == w->rows && y.rows == x.rows);
  for (int t = 0; t < x.rows; ++t) {
    for (int r = 0; r < w->rows; ++r) {
      double sum = 0;
      for (int c = 0; c < x.columns; ++c) sum += double(x.row(t)[c]) * w->values[size_t(r) * x.columns + c];
      y.row(t)[r] = float(sum);
    }
  }
}

void ReferenceDenseOps::norm(ConstMatrix x, std::span<const float> weight, float epsilon, Matrix y) {
  LEANKV_CHECK(y.rows == x.rows && y.columns == x.columns && int(weight.size()) == x.columns);
  for (int t = 0; t < x.rows; ++t) {
    double squares = 0;
    for (float value : x.row_span(t)) squares += double(value) * value;
    const double factor = 1 / std::sqrt(squares / x.columns + epsilon);
    for (int c = 0; c < x.columns; ++c) y.row(t)[c] = float(x.row(t)[c] * factor * weight[c]);
  }
}

void ReferenceDenseOps::rope(Matrix x, int head_dim, RotaryPairs pairs, ConstMatrix cos, ConstMatrix sin) {
  LEANKV_CHECK(head_dim > 0 && x.columns % head_dim == 0 && 2 * cos.columns <= head_dim);
  LEANKV_CHECK(cos.rows == x.rows && sin.rows == x.rows && sin.columns == cos.columns);
  const bool neighbours = pairs == RotaryPairs::kNeighbours;
  for (int t = 0; t < x.rows; ++t) {
    for (int head = 0; head < x.columns; head += head_dim) {
      for (int i = 0; i < cos.columns; ++i) {
        float& first = x.row(t)[head + (neighbours ? 2 * i : i)];
        float& second = x.row(t)[head + (neighbours ? 2 * i + 1 : i + cos.columns)];
        const double a = first, b = second, c = cos.row(t)[i], s = sin.row(t)[i];
        first = float(a * c - b * s);
        second = float(a * s + b * c);
      }
    }
  }
}

void ReferenceDenseOps::gate(Matrix gate, ConstMatrix up) {
  LEANKV_CHECK(gate.rows == up.rows && gate.columns == up.columns);
  for (int t = 0; t < gate.rows; ++t) {
    for (int c = 0; c < gate.columns; ++c) {
      const double g = gate.row(t)[c];
      gate.row(t)[c] = float(g / (1 + std::exp(-g)) * up.row(t)[c]);
    }
  }
}

void ReferenceDenseOps::add(Matrix x, ConstMatrix y) {
  LEANKV_CHECK(x.rows == y.rows && x.columns == y.columns);
  for (int t = 0; t < x.rows; ++t) {
    for (int c = 0; c < x.columns; ++c) x.row(t)[c] += y.row(t)[c];
  }
}

}  // namespace leankv
