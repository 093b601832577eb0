#include "backend/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "backend/cpu/attention_seen.h"
#include "backend/row_transform.h"
#include "kv/attention_state.h"

namespace leankv {
namespace {

// Columns of a product: whole vectors. Those behind the tokens hold leftovers that nobody reads.
constexpr int whole_lines(int tokens) { return (tokens + kLineFloats - 1) / kLineFloats * kLineFloats; }

// Tokens between two channels of decoded keys: an odd number of lines, or the channels would share few sets of the L1.
constexpr int key_stride(int tokens) { return whole_lines(tokens) | kLineFloats; }

// Pages lie anywhere in the pool; page may be null.
void prefetch(const std::byte* page, int from, int to) {
  for (int at = from; page != nullptr && at < to; at += kPageAlignment) __builtin_prefetch(page + at);
}

}  // namespace

std::vector<Segment> cut_segments(const KvCache& cache, SlotId slot, int layer, int head) {
  std::vector<Segment> segments;
  int first = 0;
  const auto add_page = [&](int list, const PageLayout& layout, PageId id, int tokens) {
    const std::size_t pages_per_segment = std::size_t(std::max(1, kSegmentTokens / layout.tokens));
    const bool open =
        !segments.empty() && segments.back().list == list && segments.back().pages.size() < pages_per_segment;
    if (!open) segments.push_back({list, first, 0, {}});
    segments.back().pages.push_back(id);
    segments.back().tokens += tokens;
    first += tokens;
  };
  cache.for_each_page(slot, cache.head(slot, layer, head), add_page);
  return segments;
}

void AttentionBlock::start(const AttentionProblem& problem) {
  p_ = problem;
  const CacheShape& shape = p_.cache->shape();
  const Policy& policy = p_.cache->state(p_.entry->slot).policy;
  queries_ = p_.rows * shape.group;
  keys_ = p_.segments->empty() ? 0 : p_.segments->back().first_token + p_.segments->back().tokens;
  visible_segments_ = int(std::ranges::count_if(
      *p_.segments, [&](const Segment& s) { return visible_in(s, p_.first_row + p_.rows - 1) > 0; }));
  q_.resize(std::size_t(queries_) * shape.head_dim);
  place_weights();
  max_.resize(std::size_t(visible_segments_) * queries_);
  sum_.resize(max_.size());
  partial_.resize(max_.size() * shape.head_dim);
  const float scale = 1.0f / std::sqrt(float(shape.head_dim));
  for (int i = 0; i < queries_; ++i) {
    const int row = p_.entry->first_row + p_.first_row + i / shape.group;
    const float* from = p_.q.row(row) + (p_.head * shape.group + i % shape.group) * shape.head_dim;
    float* to = &q_[std::size_t(i) * shape.head_dim];
    for (int c = 0; c < shape.head_dim; ++c) to[c] = from[c] * scale;
    transform_query(policy, shape.head_dim, to);
  }
}

// Whether the weights of any row are looked at again when all segments are done.
bool AttentionBlock::observes() const {
  const SequenceState& sequence = p_.cache->state(p_.entry->slot);
  for (int r = 0; r < p_.rows; ++r) {
    if (observation_of(sequence, p_.entry->position + p_.first_row + r) != kNotObserved) return true;
  }
  return false;
}

void AttentionBlock::place_weights() {
  keep_weights_ = observes();
  first_column_.resize(std::size_t(visible_segments_));
  int columns = 0, largest = 0;
  for (int i = 0; i < visible_segments_; ++i) {
    const int n = whole_lines((*p_.segments)[i].tokens);
    first_column_[i] = keep_weights_ ? columns : 0;
    columns += n;
    largest = std::max(largest, n);
  }
  weights_.resize(std::size_t(queries_) * (keep_weights_ ? columns : largest) + kLineFloats);
}

// Tokens of a segment that the query of this row of the entry may see.
int AttentionBlock::visible_in(const Segment& segment, int row) const {
  if (segment.list != kFreshList) return segment.tokens;
  const int future = p_.entry->rows - 1 - row;  // fresh tokens behind this row's own
  return std::clamp(keys_ - future - segment.first_token, 0, segment.tokens);
}

void AttentionBlock::run_segment(const AttentionKernels& kernels, int segment, std::vector<float>& scratch) {
  const Segment& s = (*p_.segments)[segment];
  const PageLayout& layout = p_.cache->list_layout(p_.entry->slot, s.list);
  const int head_dim = layout.head_dim;
  const int stride = key_stride(int(s.pages.size()) * layout.tokens);
  scratch.resize(std::size_t(stride) * head_dim + kLineFloats);
  float* rows = on_line(scratch.data());
  for_each_page(s, [&](int first, int tokens, const std::byte* page, const std::byte* next) {
    prefetch(next, layout.key_codes, layout.value_codes);
    kernels.decode_keys(layout, page, tokens, rows + first, stride);
  });
  const int columns = whole_lines(s.tokens);
  float* w = weights(segment);
  kernels.multiply(q_.data(), head_dim, rows, stride, w, columns, queries_, columns, head_dim);
  exponentials(kernels, segment);
  for_each_page(s, [&](int first, int tokens, const std::byte* page, const std::byte* next) {
    prefetch(next, layout.value_codes, layout.key_scales);
    kernels.decode_values(layout, page, tokens, rows + std::ptrdiff_t(first) * head_dim);
  });
  kernels.multiply(w, columns, rows, head_dim, &partial_[std::size_t(segment) * queries_ * head_dim], head_dim,
                   queries_, head_dim, s.tokens);
}

// The logits of a segment become weights; those of the future become 0.
void AttentionBlock::exponentials(const AttentionKernels& kernels, int segment) {
  const Segment& s = (*p_.segments)[segment];
  const std::size_t at = std::size_t(segment) * queries_;
  for (int i = 0; i < queries_; ++i) {
    float* row = weights(segment) + std::ptrdiff_t(i) * whole_lines(s.tokens);
    const int visible = visible_in(s, p_.first_row + i / p_.cache->shape().group);
    std::fill(row + visible, row + s.tokens, -std::numeric_limits<float>::infinity());
    kernels.exponentials(row, s.tokens, &max_[at + i], &sum_[at + i]);
  }
}

// Calls f(first token in the segment, tokens, bytes, bytes of the next page or null).
template <class F>
void AttentionBlock::for_each_page(const Segment& s, F f) const {
  const int per_page = p_.cache->list_layout(p_.entry->slot, s.list).tokens;
  for (std::size_t i = 0; i < s.pages.size(); ++i) {
    const int first = int(i) * per_page;
    const std::byte* next = i + 1 < s.pages.size() ? p_.cache->page(s.pages[i + 1]) : nullptr;
    f(first, std::min(per_page, s.tokens - first), p_.cache->page(s.pages[i]), next);
  }
}

void AttentionBlock::finish() {
  const CacheShape& shape = p_.cache->shape();
  const SequenceState& sequence = p_.cache->state(p_.entry->slot);
  final_max_.resize(queries_), final_sum_.resize(queries_);
  std::vector<float> total(shape.head_dim);
  for (int i = 0; i < queries_; ++i) {
    AttentionState all{.out = total.data()};
    std::ranges::fill(total, 0.0f);
    for (int s = 0; s < visible_segments_; ++s) {
      const std::size_t at = std::size_t(s) * queries_ + i;
      merge(all, {max_[at], sum_[at], &partial_[at * shape.head_dim]}, shape.head_dim);
    }
    final_max_[i] = all.max, final_sum_[i] = all.sum;
    for (float& x : total) x /= all.sum;
    restore_output(sequence.policy, shape.head_dim, total.data());
    const int row = p_.entry->first_row + p_.first_row + i / shape.group;
    std::ranges::copy(total, p_.out.row(row) + (p_.head * shape.group + i % shape.group) * shape.head_dim);
  }
}

void AttentionBlock::observe(const AttentionKernels& kernels, Observation& seen) const {
  for (int r = 0; r < p_.rows; ++r) observe_row(kernels, seen, r);
}

// Adds what the queries of one row saw.
void AttentionBlock::observe_row(const AttentionKernels& kernels, Observation& seen, int row) const {
  const SequenceState& sequence = p_.cache->state(p_.entry->slot);
  const int window = observation_of(sequence, p_.entry->position + p_.first_row + row);
  if (window == kNotObserved) return;
  std::vector<float>& sums = seen.seen[window];
  sums.resize(keys_);
  const int group = p_.cache->shape().group;
  std::vector<float> scales(group);
  for (int s = 0; s < visible_segments_; ++s) {
    const std::size_t at = std::size_t(s) * queries_ + row * group;
    for (int i = 0; i < group; ++i) {
      scales[i] = std::exp(max_[at + i] - final_max_[row * group + i]) / final_sum_[row * group + i];
    }
    const Segment& segment = (*p_.segments)[s];
    const int stride = whole_lines(segment.tokens);
    add_seen(kernels, sequence.policy.kind,
             {weights(s) + std::ptrdiff_t(row) * group * stride, stride, scales, segment.tokens},
             &sums[segment.first_token]);
  }
}

}  // namespace leankv
