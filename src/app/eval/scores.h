// What a compressed run scored against the reference, per segment and in sum.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "app/eval/rows.h"
#include "base/matrix_view.h"

namespace leankv {

// The uncompressed run of one segment.
struct Reference {
  int vocabulary = 0;
  std::vector<float> logits;     // [score_tokens, vocabulary]
  std::vector<double> log_sums;  // [score_tokens] log sum exp(logits)

  explicit Reference(ConstMatrix run);
};

// One row of the table on one segment.
struct SegmentScore {
  int64_t start = 0;
  std::vector<double> kld;  // [score_tokens] nats, KL(reference || row)
  double nll = 0;           // sum over positions of -log p(true token), nats
  double reference_nll = 0;
  int same_top = 0;         // positions whose most likely token is the reference's
  int64_t bytes_16bit = 0;  // of the prompt
  int64_t bytes = 0;        // page-true, right after the prompt's judgement
};

inline constexpr int kPositionBins = 16;

// run [score_tokens, vocabulary]; truth [score_tokens]: the tokens that followed. Bytes and start are the caller's.
SegmentScore score_segment(const Reference& reference, ConstMatrix run, std::span<const int> truth);

// A row over all its segments: means and percentiles are over positions, the ratio is total over total bytes.
struct RowSummary {
  struct OneSegment {
    int64_t start = 0;
    double kld_mean = 0;
  };
  EvalRow row;
  double ratio_page_true = 0;
  double kld_mean = 0, kld_p99 = 0, kld_max = 0;  // nats
  double ppl_ratio = 0;                           // perplexity / the reference's
  double top1 = 0;                                // share of positions
  std::vector<double> kld_by_position;            // means over kPositionBins equal parts of the scored tokens
  std::vector<OneSegment> segments;
};

RowSummary summarise(const EvalRow& row, std::span<const SegmentScore> scores);  // REQUIRES at least one score

}  // namespace leankv
