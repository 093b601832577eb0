#include "backend/cpu/attention_row.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/attention_merge.h"
#include "backend/cpu/attention_seen.h"
#include "backend/row_transform.h"

namespace leankv {

void AttentionRow::plan(const AttentionKernels& kernels, const KvCache& cache, const BatchEntry& entry, int layer,
                        int head, ConstMatrix q) {
  LEANKV_CHECK(entry.rows == 1);
  cache_ = &cache, entry_ = &entry, head_ = head;
  table_ = &cache.head(entry.slot, layer, head);
  group_ = cache.shape().group, head_dim_ = cache.shape().head_dim;
  keep_weights_ = observation_of(cache.state(entry.slot), entry.position) != kNotObserved;
  find_pages();
  cut_runs();
  prepare_queries(kernels, q);
  weights_.resize(keep_weights_ ? runs_.size() * group_ * stride_ + kLineFloats : 0);
  max_.resize(runs_.size() * group_);
  sum_.resize(max_.size());
  partial_.resize(max_.size() * head_dim_);
}

// One pass over the bag to count, one to sort: judged lists first, then the fresh one.
void AttentionRow::find_pages() {
  const int lists = cache_->state(entry_->slot).lists();
  std::array<int, kMaxLists + 1> next{};
  for (PageRef ref : table_->bag) ++next[ref.list()];
  int first = 0;
  list_pages_.resize(lists);
  for (int i = 1; i <= lists; ++i) {
    const int list = i % lists, pages = next[list];
    next[list] = list_pages_[list] = first;
    first += pages;
  }
  pages_.resize(table_->bag.size());
  for (PageRef ref : table_->bag) pages_[next[ref.list()]++] = cache_->page(ref.page());
}

void AttentionRow::cut_runs() {
  const int lists = cache_->state(entry_->slot).lists();
  runs_.clear();
  stride_ = kRunTokens;
  int first_token = 0;
  for (int i = 1; i <= lists; ++i) {
    const int list = i % lists, per_page = cache_->list_layout(entry_->slot, list).tokens;
    const int pages_per_run = std::max(1, kRunTokens / per_page);
    for (int page = 0, left = int(table_->tokens[list]); left > 0; page += pages_per_run) {
      const int tokens = std::min(left, pages_per_run * per_page);
      LEANKV_CHECK(tokens <= kMaxRunTokens);
      runs_.push_back({list, first_token, tokens, list_pages_[list] + page, (tokens + per_page - 1) / per_page});
      stride_ = std::max(stride_, whole_batches(tokens));
      first_token += tokens, left -= tokens;
    }
  }
}

void AttentionRow::prepare_queries(const AttentionKernels& kernels, ConstMatrix q) {
  const Policy& policy = cache_->state(entry_->slot).policy;
  const float* from = q.row(entry_->first_row) + head_ * group_ * head_dim_;
  const float scale = 1.0f / std::sqrt(float(head_dim_));
  q_.resize(std::size_t(group_) * head_dim_);
  for (std::size_t i = 0; i < q_.size(); ++i) q_[i] = from[i] * scale;
  for (int i = 0; i < group_; ++i) transform_query(cache_->rows(), policy, head_dim_, &q_[std::size_t(i) * head_dim_]);
  codes_.resize(q_.size() * kQueryCodesPerChannel + kPageAlignment);
  units_.resize(group_), sums_.resize(group_);
  kernels.quantise_queries(q_.data(), group_, head_dim_, on_line(codes_.data()), units_.data(), sums_.data());
}

TokenRun AttentionRow::token_run(const Run& run) const {
  return {&cache_->list_layout(entry_->slot, run.list), std::span(pages_).subspan(run.first_page, run.pages),
          run.tokens, int(pages_.size()) - run.first_page - run.pages};
}

void AttentionRow::run(const AttentionKernels& kernels, int first, int last, std::vector<float>& scratch) {
  const std::size_t size = std::size_t(group_) * stride_, decoded = std::size_t(stride_) * head_dim_;
  scratch.resize(decoded + size + kLineFloats);  // a run's keys or values where they are decoded, its weights
  for (int r = first; r < last; ++r) {
    const Run& run = runs_[r];
    float* w = keep_weights_ ? weights(r) : on_line(scratch.data() + decoded);
    logits(kernels, run, w, scratch);
    for (int i = 0; i < group_; ++i) {
      float* row = w + std::ptrdiff_t(i) * stride_;
      kernels.exponentials(row, run.tokens, &max_[r * group_ + i], &sum_[r * group_ + i]);
      std::fill(row + run.tokens, row + whole_batches(run.tokens), 0.0f);
    }
    partial(kernels, run, w, &partial_[std::size_t(r) * group_ * head_dim_], scratch);
  }
}

void AttentionRow::logits(const AttentionKernels& kernels, const Run& run, float* to,
                          std::vector<float>& scratch) const {
  const TokenRun tokens = token_run(run);
  if (reads_codes_directly(tier(tokens.layout->tier).key)) return kernels.key_logits(tokens, queries(), to, stride_);
  for (int p = 0; p < run.pages; ++p) {
    const int first = p * tokens.layout->tokens;
    kernels.decode_keys(*tokens.layout, tokens.pages[p], std::min(tokens.layout->tokens, run.tokens - first),
                        scratch.data() + first, stride_);
  }
  kernels.multiply(q_.data(), head_dim_, scratch.data(), stride_, to, stride_, group_, run.tokens, head_dim_);
}

void AttentionRow::partial(const AttentionKernels& kernels, const Run& run, const float* weights, float* to,
                           std::vector<float>& scratch) const {
  const TokenRun tokens = token_run(run);
  if (reads_codes_directly(tier(tokens.layout->tier).value)) {
    return kernels.sum_values(tokens, weights, stride_, group_, to);
  }
  for (int p = 0; p < run.pages; ++p) {
    const int first = p * tokens.layout->tokens;
    kernels.decode_values(*tokens.layout, tokens.pages[p], std::min(tokens.layout->tokens, run.tokens - first),
                          scratch.data() + std::ptrdiff_t(first) * head_dim_);
  }
  kernels.multiply(weights, stride_, scratch.data(), head_dim_, to, head_dim_, group_, head_dim_, run.tokens);
}

void AttentionRow::finish(const AttentionKernels& kernels, Matrix out) {
  const SequenceState& sequence = cache_->state(entry_->slot);
  final_max_.resize(group_), final_sum_.resize(group_);
  for (int i = 0; i < group_; ++i) {
    float* total = out.row(entry_->first_row) + (head_ * group_ + i) * head_dim_;
    const PartialResults partial = {&max_[i], &sum_[i], &partial_[std::size_t(i) * head_dim_], runs(), group_};
    const MergedResult all = merge_parts(kernels, partial, head_dim_, total, scales_);
    final_max_[i] = all.max, final_sum_[i] = all.sum;
    restore_output(cache_->rows(), sequence.policy, head_dim_, total);
  }
}

const Observation& AttentionRow::observe(const AttentionKernels& kernels) {
  const int window = observation_of(cache_->state(entry_->slot), entry_->position);
  for (std::vector<float>& sums : seen_.seen) sums.clear();
  if (window == kNotObserved) return seen_;
  std::vector<float>& sums = seen_.seen[window];
  sums.assign(table_->total_tokens(), 0.0f);
  std::vector<float> scales(group_);
  for (std::size_t r = 0; r < runs_.size(); ++r) {
    for (int i = 0; i < group_; ++i) scales[i] = std::exp(max_[r * group_ + i] - final_max_[i]) / final_sum_[i];
    add_seen(kernels, cache_->state(entry_->slot).policy.kind, {weights(int(r)), stride_, scales, runs_[r].tokens},
             &sums[runs_[r].first_token]);
  }
  return seen_;
}

}  // namespace leankv
