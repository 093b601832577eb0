// What a forward pass does row by row, without weights.
#pragma once

#include <cmath>

#include "backend/cuda/gather.cuh"

namespace leankv {

// Grid: rows.
struct NormKernel {
  static constexpr int kThreads = 256;
  using Shared = BlockSums<double, kThreads>;
  struct Params {
    RowsView x;
    int columns;
    const float* weight;
    float epsilon;
    float* y;
    int stride;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const float* x = p.x.row(block.index());
    float* y = p.y + std::size_t(block.index()) * std::size_t(p.stride);
    double squares = 0;
    for (int c = block.thread(); c < p.columns; c += kThreads) squares += double(x[c]) * x[c];
    squares = block.template shared<Shared>().sum(block, squares);
    const float factor = float(1 / std::sqrt(squares / p.columns + p.epsilon));
    for (int c = block.thread(); c < p.columns; c += kThreads) y[c] = x[c] * factor * p.weight[c];
  }
};

// Grid: x pairs of all heads, y rows.
struct RopeKernel {
  static constexpr int kThreads = 256;
  struct Shared {};
  struct Params {
    float* x;
    int stride, heads, head_dim, pairs;
    int step, distance;  // channels from one pair to the next, and from one of a pair to the other
    RowsView cos, sin;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int i = block.index() * kThreads + block.thread(), row = block.index_y();
    if (i >= p.heads * p.pairs) return;
    float* pair = p.x + std::size_t(row) * std::size_t(p.stride) + i / p.pairs * p.head_dim + i % p.pairs * p.step;
    const float a = pair[0], b = pair[p.distance], c = p.cos.row(row)[i % p.pairs], s = p.sin.row(row)[i % p.pairs];
    pair[0] = a * c - b * s;
    pair[p.distance] = a * s + b * c;
  }
};

// Grid: x pairs, y rows.
struct AnglesKernel {
  static constexpr int kThreads = 128;
  struct Shared {};
  struct Params {
    const int* positions;
    const double* inverse_frequencies;
    int pairs;
    float *cos, *sin;  // [rows, pairs]
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int i = block.index() * kThreads + block.thread();
    if (i >= p.pairs) return;
    const double angle = p.positions[block.index_y()] * p.inverse_frequencies[i];
    p.cos[block.index_y() * p.pairs + i] = float(std::cos(angle));
    p.sin[block.index_y() * p.pairs + i] = float(std::sin(angle));
  }
};

// Grid: x columns, y rows.
struct GateKernel {
  static constexpr int kThreads = 256;
  struct Shared {};
  struct Params {
    float* gate;
    int stride, columns;
    RowsView up;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int c = block.index() * kThreads + block.thread(), row = block.index_y();
    if (c >= p.columns) return;
    float& g = p.gate[std::size_t(row) * std::size_t(p.stride) + c];
    g = g / (1 + std::exp(-g)) * p.up.row(row)[c];
  }
};

struct AddKernel {
  static constexpr int kThreads = 256;
  struct Shared {};
  struct Params {
    float* x;
    int stride, columns;
    RowsView y;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int c = block.index() * kThreads + block.thread(), row = block.index_y();
    if (c < p.columns) p.x[std::size_t(row) * std::size_t(p.stride) + c] += p.y.row(row)[c];
  }
};

// Moves rows to the front, ascending, each column by one thread: no row is overwritten before it is read.
struct KeepRowsKernel {
  static constexpr int kThreads = 128;
  struct Shared {};
  struct Params {
    float* x;
    int stride, columns;
    const int* rows;
    int n;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int c = block.index() * kThreads + block.thread();
    for (int i = 0; c < p.columns && i < p.n; ++i) {
      p.x[std::size_t(i) * std::size_t(p.stride) + c] = p.x[std::size_t(p.rows[i]) * std::size_t(p.stride) + c];
    }
  }
};

}  // namespace leankv
