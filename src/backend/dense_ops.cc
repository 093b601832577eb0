// What dense operations are on the host, unless a backend knows better.
#include "backend/dense_ops.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace leankv {
namespace {

class HostMatrix : public MatrixMemory {
 public:
  Matrix shape(int rows, int columns) override {
    storage_.resize(std::max(storage_.size(), std::size_t(rows) * std::size_t(columns)));
    return {storage_.data(), rows, columns};
  }

 private:
  std::vector<float> storage_;
};

}  // namespace

std::unique_ptr<MatrixMemory> DenseOps::make_memory() { return std::make_unique<HostMatrix>(); }

void DenseOps::embed(const TensorView& table, std::span<const int> tokens, Matrix x) {
  for (int r = 0; r < int(tokens.size()); ++r) {
    dequantise(table.type, table.data + tokens[r] * table.row_bytes(), table.columns, x.row(r));
  }
}

void DenseOps::angles(std::span<const int> positions, std::span<const double> inverse_frequencies, Matrix cos,
                      Matrix sin) {
  for (int r = 0; r < int(positions.size()); ++r) {
    for (int i = 0; i < int(inverse_frequencies.size()); ++i) {
      const double angle = positions[r] * inverse_frequencies[i];
      cos.row(r)[i] = float(std::cos(angle));
      sin.row(r)[i] = float(std::sin(angle));
    }
  }
}

Matrix DenseOps::keep_rows(Matrix x, std::span<const int> rows) {
  int kept = 0;
  for (int row : rows) {
    if (row != kept) std::ranges::copy(x.row_span(row), x.row(kept));
    ++kept;
  }
  return x.block(0, kept);
}

void DenseOps::add_bias(Matrix x, std::span<const float> bias) { add(x, {bias.data(), x.rows, int(bias.size()), 0}); }

void DenseOps::draw(ConstMatrix logits, std::span<const TokenDraw> draws, std::span<int> tokens) {
  for (std::size_t i = 0; i < draws.size(); ++i) tokens[i] = draw_token(logits.row_span(draws[i].row), draws[i]);
}

}  // namespace leankv
