// Attention of one row, as in decode: the group's queries of one KV head against all its tokens, straight on the codes.
//
// The tokens are cut into runs of at most kRunTokens within one list; each gives a partial result, and these are
// merged in order. The cut depends on the tokens alone, so the result does not depend on the number of threads.
#pragma once

#include <vector>

#include "backend/cpu/attention.h"

namespace leankv {

inline constexpr int kRunTokens = 512;  // whose codes and logits stay in the L1 cache, or at worst the L2

// Used in this order: plan, then run for disjoint ranges of runs, on any threads, then finish and observe.
class AttentionRow {
 public:
  // REQUIRES an entry of one row.
  void plan(const AttentionKernels& kernels, const KvCache& cache, const BatchEntry& entry, int layer, int head,
            ConstMatrix q);
  int runs() const { return int(runs_.size()); }
  void run(const AttentionKernels& kernels, int first, int last, std::vector<float>& scratch);
  // Merges, restores and writes this head's columns of out, which has the shape of q.
  void finish(const AttentionKernels& kernels, Matrix out);
  const Observation& observe(const AttentionKernels& kernels);  // after finish: what was observed

 private:
  struct Run {
    int list, first_token, tokens, first_page, pages;
  };
  void find_pages();
  void cut_runs();
  void prepare_queries(const AttentionKernels& kernels, ConstMatrix q);
  TokenRun token_run(const Run& run) const;
  float* weights(int run) { return on_line(weights_.data()) + std::ptrdiff_t(run) * group_ * stride_; }  // kept
  GroupQueries queries() const { return {group_, q_.data(), on_line(codes_.data()), units_.data(), sums_.data()}; }
  void logits(const AttentionKernels& kernels, const Run& run, float* to, std::vector<float>& scratch) const;
  void partial(const AttentionKernels& kernels, const Run& run, const float* weights, float* to,
               std::vector<float>& scratch) const;

  const KvCache* cache_ = nullptr;
  const BatchEntry* entry_ = nullptr;
  const HeadTable* table_ = nullptr;
  int head_ = 0, group_ = 0, head_dim_ = 0;
  bool keep_weights_ = false;            // they are looked at again when all runs are done
  std::vector<const std::byte*> pages_;  // in the order of the tokens' numbers
  std::vector<int> list_pages_;          // [lists + 1] where each list's pages begin
  std::vector<Run> runs_;
  std::vector<float> q_;          // [group, head_dim], transformed, scaled by 1/sqrt(head_dim)
  std::vector<int8_t> codes_;     // of GroupQueries, from its first line on
  std::vector<float> units_;      // [group]
  std::vector<int32_t> sums_;     // [group]
  std::vector<float> weights_;    // from its first line on [runs][group, kRunTokens or a page]: exp(logit - run's max)
  std::vector<float> max_, sum_;  // [runs, group]
  std::vector<float> partial_;    // [runs, group, head_dim]
  std::vector<float> scales_;     // [runs] of one query
  std::vector<float> final_max_, final_sum_;  // [group]
  int stride_ = 0;                            // of weights: whole lines
  Observation seen_;
};

}  // namespace leankv
