#include "backend/cpu/attention.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/attention_merge.h"
#include "backend/cpu/attention_seen.h"
#include "backend/row_transform.h"

namespace leankv {

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

void AttentionBlock::start(const AttentionKernels& kernels, const AttentionProblem& problem) {
  p_ = problem;
  const CacheShape& shape = p_.cache->shape();
  const Policy& policy = p_.cache->state(p_.entry->slot).policy;
  queries_ = p_.rows * shape.group;
  tokens_ = p_.segments->empty() ? 0 : p_.segments->back().first_token + p_.segments->back().tokens;
  visible_segments_ = int(std::ranges::count_if(*p_.segments, [&](const Segment& s) { return tokens_in(s) > 0; }));
  std::vector<float>& q = rows_;
  q.resize(std::size_t(queries_) * shape.head_dim);
  place_weights();
  max_.resize(std::size_t(visible_segments_) * queries_);
  sum_.resize(max_.size());
  partial_.resize(max_.size() * shape.head_dim);
  const float scale = 1.0f / std::sqrt(float(shape.head_dim));
  for (int i = 0; i < queries_; ++i) {
    const int row = p_.entry->first_row + p_.first_row + i / shape.group;
    const float* from = p_.q.row(row) + (p_.head * shape.group + i % shape.group) * shape.head_dim;
    float* to = &q[std::size_t(i) * shape.head_dim];
    for (int c = 0; c < shape.head_dim; ++c) to[c] = from[c] * scale;
    transform_query(p_.cache->rows(), policy, shape.head_dim, to);
  }
  q_codes_.resize(q.size()), q_units_.resize(queries_);
  kernels.pairs->quantise_rows(q.data(), queries_, shape.head_dim, q_codes_.data(), q_units_.data());
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
  const int group = p_.cache->shape().group;
  part_rows_ = std::min(p_.rows, (kPartQueries + group - 1) / group);
  keep_weights_ = observes();
  first_column_.resize(std::size_t(visible_segments_));
  int columns = 0, largest = 0;
  for (int i = 0; i < visible_segments_; ++i) {
    const int n = columns_of((*p_.segments)[i]);
    first_column_[i] = keep_weights_ ? columns : 0;
    columns += n;
    largest = std::max(largest, n);
  }
  const int queries = keep_weights_ ? queries_ : part_rows_ * group;
  weights_.resize(std::size_t(queries) * (keep_weights_ ? columns : largest) + kLineFloats);
}

// Tokens of a segment that the query of this row of the entry may see.
int AttentionBlock::visible_in(const Segment& segment, int row) const {
  if (segment.list != kFreshList) return segment.tokens;
  const int future = p_.entry->rows - 1 - row;  // fresh tokens behind this row's own
  return std::clamp(tokens_ - future - segment.first_token, 0, segment.tokens);
}

// Those that any row of the block may see; the others count as not there.
int AttentionBlock::tokens_in(const Segment& segment) const { return visible_in(segment, p_.first_row + p_.rows - 1); }

int AttentionBlock::columns_of(const Segment& segment) const { return whole_lines(tokens_in(segment)); }

void AttentionBlock::finish(const AttentionKernels& kernels) {
  const CacheShape& shape = p_.cache->shape();
  const SequenceState& sequence = p_.cache->state(p_.entry->slot);
  final_max_.resize(queries_), final_sum_.resize(queries_);
  std::vector<float> scales;
  for (int i = 0; i < queries_; ++i) {
    const int row = p_.entry->first_row + p_.first_row + i / shape.group;
    float* out = p_.out.row(row) + (p_.head * shape.group + i % shape.group) * shape.head_dim;
    const PartialResults partial = {&max_[i], &sum_[i], &partial_[std::size_t(i) * shape.head_dim], visible_segments_,
                                    queries_};
    const MergedResult all = merge_parts(kernels, partial, shape.head_dim, out, scales);
    final_max_[i] = all.max, final_sum_[i] = all.sum;
    restore_output(p_.cache->rows(), sequence.policy, shape.head_dim, out);
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
  sums.resize(tokens_);
  const int group = p_.cache->shape().group;
  std::vector<float> scales(group);
  for (int s = 0; s < visible_segments_; ++s) {
    const std::size_t at = std::size_t(s) * queries_ + row * group;
    for (int i = 0; i < group; ++i) {
      scales[i] = std::exp(max_[at + i] - final_max_[row * group + i]) / final_sum_[row * group + i];
    }
    const Segment& segment = (*p_.segments)[s];
    const int visible = visible_in(segment, p_.first_row + row);
    add_seen(kernels, sequence.policy.kind,
             {on_line(weights_.data()) + weights_at(s, row * group), columns_of(segment), scales, visible},
             &sums[segment.first_token]);
  }
}

}  // namespace leankv
