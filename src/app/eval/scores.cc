#include "app/eval/scores.h"

#include <algorithm>

#include "app/eval/metrics.h"
#include "base/error.h"

namespace leankv {
namespace {

// Fewer bins where there are fewer positions.
std::vector<double> by_position(std::span<const SegmentScore> scores) {
  const std::size_t positions = scores.front().kld.size(), bins = std::min<std::size_t>(kPositionBins, positions);
  std::vector<double> means;
  for (std::size_t b = 0; b < bins; ++b) {
    std::vector<double> part;
    for (const SegmentScore& s : scores) {
      const auto at = [&](std::size_t bin) { return s.kld.begin() + std::ptrdiff_t(bin * positions / bins); };
      part.insert(part.end(), at(b), at(b + 1));
    }
    means.push_back(mean(part));
  }
  return means;
}

}  // namespace

Reference::Reference(ConstMatrix run) : vocabulary(run.columns) {
  for (int i = 0; i < run.rows; ++i) {
    const std::span<const float> row = run.row_span(i);
    logits.insert(logits.end(), row.begin(), row.end());
    log_sums.push_back(distribution_of(row).log_sum);
  }
}

SegmentScore score_segment(const Reference& reference, ConstMatrix run, std::span<const int> truth) {
  LEANKV_CHECK(std::size_t(run.rows) == reference.log_sums.size() && truth.size() == reference.log_sums.size());
  SegmentScore score;
  for (int i = 0; i < run.rows; ++i) {
    const std::size_t row = std::size_t(i), columns = std::size_t(reference.vocabulary);
    const Distribution p{std::span(reference.logits).subspan(row * columns, columns), reference.log_sums[row]};
    const Distribution q = distribution_of(run.row_span(i));
    score.kld.push_back(kl_divergence(p, q));
    score.nll -= q.log_prob(truth[row]);
    score.reference_nll -= p.log_prob(truth[row]);
    score.same_top += p.top() == q.top();
  }
  return score;
}

RowSummary summarise(const EvalRow& row, std::span<const SegmentScore> scores) {
  RowSummary summary;
  summary.row = row;
  std::vector<double> kld;
  double nll = 0, reference_nll = 0, same_top = 0, bytes_16bit = 0, bytes = 0;
  for (const SegmentScore& s : scores) {
    kld.insert(kld.end(), s.kld.begin(), s.kld.end());
    nll += s.nll;
    reference_nll += s.reference_nll;
    same_top += s.same_top;
    bytes_16bit += double(s.bytes_16bit);
    bytes += double(s.bytes);
    summary.segments.push_back({s.start, mean(s.kld)});
  }
  const int64_t positions = int64_t(kld.size());
  summary.ratio_page_true = bytes_16bit / bytes;
  summary.kld_mean = mean(kld);
  summary.kld_p99 = percentile(kld, 0.99);
  summary.kld_max = std::ranges::max(kld);
  summary.ppl_ratio = perplexity(nll, positions) / perplexity(reference_nll, positions);
  summary.top1 = same_top / double(positions);
  summary.kld_by_position = by_position(scores);
  return summary;
}

}  // namespace leankv
