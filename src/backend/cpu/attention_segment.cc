// One segment of a block of rows: its keys and values as integers once, then a few rows after the other.
#include <algorithm>
#include <limits>

#include "backend/cpu/attention.h"

namespace leankv {
namespace {

// Tokens between two channels of decoded keys: an odd number of lines, or the channels would share few sets of the L1.
constexpr int key_stride(int tokens) { return whole_lines(tokens) | kLineFloats; }

// Pages lie anywhere in the pool; page may be null.
void prefetch(const std::byte* page, int from, int to) {
  for (int at = from; page != nullptr && at < to; at += kPageAlignment) __builtin_prefetch(page + at);
}

}  // namespace

void AttentionBlock::run_segment(const AttentionKernels& kernels, int segment) {
  const Segment& s = (*p_.segments)[segment];
  LEANKV_CHECK(s.tokens <= kMostWeights);
  const int head_dim = p_.cache->shape().head_dim;
  const int stride = key_stride(int(s.pages.size()) * p_.cache->list_layout(p_.entry->slot, s.list).tokens);
  const std::size_t size = std::size_t(stride) * head_dim;
  rows_.resize(size + kLineFloats);
  for (Side* side : {&keys_, &values_}) {
    side->pairs.resize(size + kPageAlignment / sizeof(int16_t));
    side->units.resize(std::size_t(stride));
  }
  read_keys(kernels, s, stride);
  read_values(kernels, s);
  for (int row = 0; row < p_.rows; row += part_rows_) {
    run_part(kernels, segment, row, std::min(part_rows_, p_.rows - row), stride);
  }
}

void AttentionBlock::read_keys(const AttentionKernels& kernels, const Segment& s, int stride) {
  const PageLayout& layout = p_.cache->list_layout(p_.entry->slot, s.list);
  float* rows = on_line(rows_.data());
  for_each_page(s, [&](int first, int tokens, const std::byte* page, const std::byte* next) {
    prefetch(next, layout.key_codes, layout.value_codes);
    kernels.decode_keys(layout, page, tokens, rows + first, stride);
  });
  kernels.pairs->pair_columns(rows, stride, tokens_in(s), layout.head_dim, on_line(keys_.pairs.data()),
                              keys_.units.data());
}

void AttentionBlock::read_values(const AttentionKernels& kernels, const Segment& s) {
  const PageLayout& layout = p_.cache->list_layout(p_.entry->slot, s.list);
  float* rows = on_line(rows_.data());
  for_each_page(s, [&](int first, int tokens, const std::byte* page, const std::byte* next) {
    prefetch(next, layout.value_codes, layout.key_scales);
    kernels.decode_values(layout, page, tokens, rows + std::ptrdiff_t(first) * layout.head_dim);
  });
  kernels.pairs->pair_rows(rows, tokens_in(s), layout.head_dim, on_line(values_.pairs.data()), values_.units.data());
}

// A few rows of the block, so that their logits and weights stay in the L1 cache.
void AttentionBlock::run_part(const AttentionKernels& kernels, int segment, int row, int rows, int stride) {
  const Segment& s = (*p_.segments)[segment];
  const int group = p_.cache->shape().group, head_dim = p_.cache->shape().head_dim;
  const int first = row * group, queries = rows * group, tokens = visible_in(s, p_.first_row + row + rows - 1);
  if (tokens == 0) return skip_part(segment, first, queries);
  float* w = on_line(weights_.data()) + weights_at(segment, first);
  const int columns = columns_of(s), used = whole_lines(tokens);
  const std::size_t at = std::size_t(segment) * queries_ + first;
  part_weights_.resize(std::size_t(queries) * used), part_units_.resize(queries);
  kernels.pairs->multiply({&q_codes_[std::size_t(first) * head_dim], head_dim, on_line(keys_.pairs.data()), stride,
                           nullptr, keys_.units.data(), w, columns, queries, used, head_dim / 2});
  hide_future(segment, row, rows, w, used);
  kernels.pairs->weigh({w, columns, queries, used, &q_units_[first], values_.units.data(), part_weights_.data(),
                        &max_[at], &sum_[at], part_units_.data()});
  kernels.pairs->multiply({part_weights_.data(), used, on_line(values_.pairs.data()), head_dim, part_units_.data(),
                           nullptr, &partial_[at * head_dim], head_dim, queries, head_dim, (tokens + 1) / 2});
}

// The logits of tokens that a row must not see, in w [rows * group, columns_of(segment)], of which `used` count.
void AttentionBlock::hide_future(int segment, int row, int rows, float* w, int used) const {
  const Segment& s = (*p_.segments)[segment];
  const int group = p_.cache->shape().group, columns = columns_of(s);
  for (int i = 0; i < rows * group; ++i, w += columns) {
    const int visible = visible_in(s, p_.first_row + row + i / group);
    std::fill(w + visible, w + used, -std::numeric_limits<float>::infinity());
  }
}

// Of queries that see nothing of a segment.
void AttentionBlock::skip_part(int segment, int first, int queries) {
  const std::size_t at = std::size_t(segment) * queries_ + first;
  std::fill_n(&max_[at], queries, -std::numeric_limits<float>::infinity());
  std::fill_n(&sum_[at], queries, 0.0f);
  const std::size_t head_dim = std::size_t(p_.cache->shape().head_dim);
  std::fill_n(&partial_[at * head_dim], std::size_t(queries) * head_dim, 0.0f);
}

// Calls f(first token in the segment, tokens, bytes, bytes of the next page or null).
template <class F>
void AttentionBlock::for_each_page(const Segment& s, F f) const {
  const int per_page = p_.cache->list_layout(p_.entry->slot, s.list).tokens;
  const int all = tokens_in(s);
  for (std::size_t i = 0; int(i) * per_page < all; ++i) {
    const int first = int(i) * per_page;
    const std::byte* next = i + 1 < s.pages.size() ? p_.cache->page(s.pages[i + 1]) : nullptr;
    f(first, std::min(per_page, all - first), p_.cache->page(s.pages[i]), next);
  }
}

}  // namespace leankv
