// Attention of a block of rows of a prompt on the pages of one head, all query heads of a group in one pass over the
// bytes, which become 16-bit integers once for all rows. attention_row.h has that of a single row.
//
// Tokens of a head are cut into segments of at most kSegmentTokens within one list; each segment gives a partial
// result (attention_merge.h), and these are merged in order. The cut depends on the tokens alone, so neither the
// number of threads nor the size of the prompt's chunks changes a bit of the result.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/cpu/kernels/attention.h"
#include "backend/observation.h"

namespace leankv {

inline constexpr int kSegmentTokens = 256;  // decoded keys of a segment and their logits stay in the L2 cache
inline constexpr int kBlockRows = 64;       // tokens of a prompt chunk whose queries share a segment's decoded rows
inline constexpr int kPartQueries = 24;     // whose logits and weights of a segment stay in the L1 cache

// The first cache line in a buffer that has room for one more: vectors across two lines are read at half the speed.
template <class T>
T* on_line(T* x) {
  const std::uintptr_t line = kPageAlignment;
  return x + (line - reinterpret_cast<std::uintptr_t>(x) % line) % line / sizeof(T);
}
inline constexpr int kLineFloats = kPageAlignment / int(sizeof(float));

// A run of pages of one list of one head.
struct Segment {
  int list = 0;
  int first_token = 0;  // within the head: judged lists first, then fresh
  int tokens = 0;
  std::vector<PageId> pages;
};
std::vector<Segment> cut_segments(const KvCache& cache, SlotId slot, int layer, int head);

// What attention over one block of rows needs; a view for one call.
struct AttentionProblem {
  const KvCache* cache;
  const BatchEntry* entry;
  const std::vector<Segment>* segments;
  int layer, head;
  int first_row, rows;  // of the entry
  ConstMatrix q;        // of the batch
  Matrix out;
};

// The queries of up to kBlockRows tokens and one KV head against all segments.
class AttentionBlock {
 public:
  // Reads and transforms the queries.
  void start(const AttentionKernels& kernels, const AttentionProblem& problem);
  // Partial result of one segment. REQUIRES ascending segments.
  void run_segment(const AttentionKernels& kernels, int segment);
  void finish(const AttentionKernels& kernels);                            // merges, restores and writes the outputs
  void observe(const AttentionKernels& kernels, Observation& seen) const;  // after finish: adds what was observed
  int segments() const { return visible_segments_; }

 private:
  int visible_in(const Segment& segment, int row) const;
  bool observes() const;
  void place_weights();
  int tokens_in(const Segment& segment) const;
  int columns_of(const Segment& segment) const;  // between two queries' weights
  // Where the weights [queries, columns_of(segment)] of a segment and query lie.
  std::size_t weights_at(int segment, int query) const {
    const int row = keep_weights_ ? query : query % part_queries();
    return std::size_t(first_column_[segment]) * queries_ + std::size_t(row) * columns_of((*p_.segments)[segment]);
  }
  int part_queries() const { return part_rows_ * p_.cache->shape().group; }
  void read_keys(const AttentionKernels& kernels, const Segment& s, int stride);
  void read_values(const AttentionKernels& kernels, const Segment& s);
  void run_part(const AttentionKernels& kernels, int segment, int row, int rows, int stride);
  void skip_part(int segment, int first, int queries);
  void hide_future(int segment, int row, int rows, float* w, int used) const;
  template <class F>
  void for_each_page(const Segment& segment, F f) const;
  void observe_row(const AttentionKernels& kernels, Observation& seen, int row) const;

  AttentionProblem p_{};
  int queries_ = 0;                // rows * group
  int tokens_ = 0;                 // of the head
  int visible_segments_ = 0;       // the later ones are in the future of every row
  std::vector<int16_t> q_codes_;   // [queries, head_dim], scaled by 1/sqrt(head_dim)
  std::vector<float> q_units_;     // [queries]
  int part_rows_ = 0;              // rows that are computed together
  bool keep_weights_ = false;      // of every segment and row; else each part overwrites the one before
  std::vector<int> first_column_;  // [segments] where their weights begin, in columns of all queries
  std::vector<float> weights_;     // from its first line on, segment after segment: exp(logit - segment's max)
  std::vector<float> max_, sum_;   // [segments, queries]
  std::vector<float> partial_;     // [segments, queries, head_dim]
  std::vector<float> final_max_, final_sum_;  // [queries]
  // Of the segment at hand.
  struct Side {
    std::vector<int16_t> pairs;  // from its first line on, as PairProduct::b
    std::vector<float> units;    // [tokens]
  };
  std::vector<float> rows_;  // decoded keys or values
  Side keys_, values_;
  std::vector<int16_t> part_weights_;  // [queries of a part, tokens]
  std::vector<float> part_units_;      // [queries of a part]
};

}  // namespace leankv
