// Attention of one warp: eight queries against steps of sixteen tokens, both products on tensor cores.
//
// Tokens are the rows of the first product (logits = keys x queries) and what is summed over in the second (output =
// values^T x weights); queries are columns in both. Lane l holds columns 2c and 2c + 1, c = l % 4, of rows l / 4 and
// l / 4 + 8. Integers from quads.cuh are exact as halves; a query is the sum of two halves, so logits are as exact as
// in floats; weights are halves.
#pragma once

#include "backend/cuda/quads.cuh"

namespace leankv {

inline constexpr int kQueriesPerWarp = 8;
inline constexpr float kLog2E = 1.44269504088896341f;
inline constexpr float kNoLogit = -INFINITY;
// Weights times scales are halves: this keeps those of small values from becoming subnormal, and is divided out of the
// outputs. Values beyond 2^15 saturate.
inline constexpr float kWeightScale = 256;

// A partial result of eight queries (as backend/cpu/attention_merge.h, logits in base 2).
struct WarpColumns {
  float max[2], sum[2], shift[2];  // shift: what is added to every channel of the output

  LEANKV_INLINE WarpColumns() : max{kNoLogit, kNoLogit}, sum{}, shift{} {}
};

template <int kMost>
struct WarpQueries {
  uint32_t high[kMost][2], low[kMost][2];  // columns of queries as fragments, scaled by log2(e) / sqrt(head_dim)
  float sum[2];                            // of all channels of columns 2c and 2c + 1
  int limit[2];                            // fresh tokens from here on are in the future of columns 2c and 2c + 1
};

template <int kMost>
struct WarpOutput {
  float x[kMost][4];  // [16 channels, 8 queries] times kWeightScale

  LEANKV_INLINE WarpOutput() {
    for (int k = 0; k < kMost; ++k) {
      for (int i = 0; i < 4; ++i) x[k][i] = 0;
    }
  }
};

// Logits of one step of the source: rows of this lane first and + 8, columns 2c and 2c + 1.
// Source: kBlocked: key and value scales differ by 32 channels; key(block, k, a), value(block, k, a): fragments of the
// k-th 16 channels; key_scale(row, group), value_scale(row, group) of this lane's row 0 or 1; token(row): its number in
// the list or -1; is_fresh().
template <int kMost, class Block, class Source>
LEANKV_INLINE void step_logits(Block& block, const WarpQueries<kMost>& q, int n, Source& source, float (&s)[4]) {
  float c[4] = {};
  for (int i = 0; i < 4; ++i) s[i] = 0;
  const auto flush = [&](int group) LEANKV_INLINE_LAMBDA {
    const float upper = source.key_scale(0, group).scale, lower = source.key_scale(1, group).scale;
    s[0] += c[0] * upper, s[1] += c[1] * upper, s[2] += c[2] * lower, s[3] += c[3] * lower;
    for (int i = 0; i < 4; ++i) c[i] = 0;
  };
  unroll<kMost>(n, [&](auto k) LEANKV_INLINE_LAMBDA {
    uint32_t a[4];
    source.key(block, k, a);
    block.mma(c, a, q.high[k]);
    block.mma(c, a, q.low[k]);
    if (Source::kBlocked && (k % 2 == 1 || k == n - 1)) flush(k / 2);
  });
  if (!Source::kBlocked) flush(0);
  for (int i = 0; i < 4; ++i) {
    const int token = source.token(i / 2);
    s[i] += source.key_scale(i / 2, 0).shift * q.sum[i % 2];
    if (token < 0 || (source.is_fresh() && token >= q.limit[i % 2])) s[i] = kNoLogit;
  }
}

// The larger of two columns over all tokens of a step.
template <class Block>
LEANKV_INLINE float column_max(Block& block, float x) {
  for (int stride = 4; stride < kWarp; stride *= 2) {
    const float other = block.shuffle(x, block.lane() ^ stride);
    x = other > x ? other : x;
  }
  return x;
}
template <class Block>
LEANKV_INLINE float column_sum(Block& block, float x) {
  for (int stride = 4; stride < kWarp; stride *= 2) x += block.shuffle(x, block.lane() ^ stride);
  return x;
}

// Logits become weights relative to the running maximum; what was summed up before is scaled to it.
template <int kMost, class Block>
LEANKV_INLINE void step_weights(Block& block, WarpColumns& columns, WarpOutput<kMost>& out, float (&s)[4]) {
  float keep[2];
  for (int i = 0; i < 2; ++i) {
    const float top = column_max(block, s[i] > s[i + 2] ? s[i] : s[i + 2]);
    const float max = top > columns.max[i] ? top : columns.max[i];
    keep[i] = columns.max[i] == max ? 1.0f : block.exp2(columns.max[i] - max);
    columns.max[i] = max;
    columns.sum[i] *= keep[i], columns.shift[i] *= keep[i];
    for (int r = 0; r < 2; ++r) {
      float& x = s[i + 2 * r];
      x = x == kNoLogit ? 0.0f : block.exp2(x - max);
      columns.sum[i] += x;
    }
  }
  if (block.ballot(keep[0] != 1 || keep[1] != 1) == 0) return;
  unroll<kMost>(kMost, [&](auto k) LEANKV_INLINE_LAMBDA {
    for (int i = 0; i < 4; ++i) out.x[k][i] *= keep[i % 2];
  });
}

// Weights times the values' scales, as the second factor of the product with the values.
template <class Block, class Source>
LEANKV_INLINE void weight_fragment(Block& block, Source& source, const float (&p)[4], int group, uint32_t (&b)[2]) {
  float w[4];
  for (int i = 0; i < 4; ++i) {
    const float x = p[i] * (source.value_scale(i / 2, group).scale * kWeightScale);
    w[i] = p[i] == 0 ? 0.0f : (x < kLargestHalf ? x : kLargestHalf);
  }
  b[0] = block.transpose(block.pack_halves(w[0], w[1]));
  b[1] = block.transpose(block.pack_halves(w[2], w[3]));
}

template <int kMost, class Block, class Source>
LEANKV_INLINE void step_values(Block& block, WarpColumns& columns, WarpOutput<kMost>& out, int n, Source& source,
                               const float (&p)[4]) {
  for (int i = 0; i < 4; ++i) {
    if (p[i] != 0) columns.shift[i % 2] += p[i] * source.value_scale(i / 2, 0).shift;
  }
  uint32_t b[2];
  weight_fragment(block, source, p, 0, b);
  unroll<kMost>(n, [&](auto k) LEANKV_INLINE_LAMBDA {
    if (Source::kBlocked && k > 0 && k % 2 == 0) weight_fragment(block, source, p, k / 2, b);
    uint32_t a[4];
    source.value(block, k, a);
    block.mma(out.x[k], a, b);
  });
}

template <int kMost, class Block, class Source>
LEANKV_INLINE void attend_step(Block& block, const WarpQueries<kMost>& q, WarpColumns& columns, WarpOutput<kMost>& out,
                               int n, Source& source) {
  float s[4];
  step_logits(block, q, n, source, s);
  step_weights(block, columns, out, s);
  step_values(block, columns, out, n, source, s);
}

// ---- queries ----

// Rotated and scaled queries as two halves each, [rows of the step, kv_heads, group, head_dim], and the sums of their
// channels.
struct QueryHalves {
  const uint16_t *high, *low;
  const float* sums;  // [rows, kv_heads, group]
};

// Columns of a problem: consecutive queries of one entry and KV head. Query i is that of row first_row + i / group *
// row_step.
struct QueryColumns {
  QueryHalves q;
  int first_row;     // of the entry in the step
  int first, count;  // of the queries
  int group, kv_heads, kv_head, head_dim;
  int visible;  // fresh tokens that first_row sees
  int row_step = 1;

  LEANKV_INLINE std::size_t number(int query) const {  // among all queries of the step
    const std::size_t row = std::size_t(first_row + query / group * row_step);
    return (row * kv_heads + kv_head) * group + std::size_t(query % group);
  }
  LEANKV_INLINE int limit(int query) const { return visible + query / group * row_step; }
};

// kPermuted: lane c holds channels 4c to 4c + 3 of each 16, as keys do that come straight from pages; else 2c, 2c + 1,
// 2c + 8 and 2c + 9, as they do from load_matrices().
template <bool kPermuted>
LEANKV_INLINE void load_query(const uint16_t* channels, int c, uint32_t (&fragment)[2]) {
  const int low = kPermuted ? 4 * c : 2 * c;
  fragment[0] = *reinterpret_cast<const uint32_t*>(channels + low);
  fragment[1] = *reinterpret_cast<const uint32_t*>(channels + low + (kPermuted ? 2 : 8));
}
template <int kMost, bool kPermuted, class Block>
LEANKV_INLINE void load_queries(Block& block, const QueryColumns& from, int column, WarpQueries<kMost>& q) {
  const int c = block.lane() % 4, mine = column + block.lane() / 4;
  const std::size_t at = from.number(mine < from.count ? from.first + mine : from.first) * from.head_dim;
  unroll<kMost>(from.head_dim / 16, [&](auto k) LEANKV_INLINE_LAMBDA {
    load_query<kPermuted>(from.q.high + at + 16 * k, c, q.high[k]);
    load_query<kPermuted>(from.q.low + at + 16 * k, c, q.low[k]);
  });
  for (int i = 0; i < 2; ++i) {
    const int query = column + 2 * c + i;
    const bool exists = query < from.count;
    q.sum[i] = exists ? from.q.sums[from.number(from.first + query)] : 0.0f;
    q.limit[i] = exists ? from.limit(from.first + query) : 0;
  }
}

}  // namespace leankv
