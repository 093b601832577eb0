#include "backend/judgement.h"

#include <algorithm>

#include "backend/cache_usage.h"
#include "backend/recode.h"
#include "kv/page_view.h"
#include "kv/policy_solver.h"

namespace leankv {
namespace {

// Significance levels of the tokens that are up for judgement, by the tier they are in.
HeadHistogram histogram_of(KvCache& cache, SlotId slot, const HeadTable& table, int keep_fresh, int units_gained) {
  const SequenceState& sequence = cache.state(slot);
  HeadHistogram histogram(int(sequence.policy.tiers.size()));
  for (int list = 0; list < sequence.lists(); ++list) {
    const PageLayout& layout = cache.list_layout(slot, list);
    int left = int(table.tokens[list]) - (list == kFreshList ? keep_fresh : 0);
    table.for_each_page(list, layout.tokens, [&](PageId id, int tokens) {
      PageView page(layout, cache.page(id));
      for (int t = 0; t < tokens && left > 0; ++t, --left) {
        const uint16_t bits = page.significance(t);
        histogram.add(list == kFreshList ? 0 : list - 1, significance_level(bits), is_pinned(bits));
        const int units = std::min(kMaxQueryUnits, significance_units(bits) + units_gained);
        page.set_significance(t, make_significance(significance_level(bits), units_or_pin(bits, units)));
      }
    });
  }
  histogram.finish();
  return histogram;
}

// One choice for all heads of a sequence.
class Choice {
 public:
  Choice(KvCache& cache, ThreadPool& threads, SlotId slot, RecodeJob& job, int units_gained)
      : cache_(cache), sequence_(cache.state(slot)), job_(job) {
    const int heads = cache.shape().heads();
    histograms_.resize(heads, HeadHistogram(0));
    threads.run(heads, [&](int h, int) {
      histograms_[h] = histogram_of(cache, slot, sequence_.heads[h], job.keep_fresh, units_gained);
    });
    for (int h = 0; h < heads; ++h) {
      const uint32_t fixed = std::min(uint32_t(job.keep_fresh), sequence_.heads[h].tokens[kFreshList]);
      problems_.push_back({&histograms_[h], &sequence_.memory[h].constants, &sequence_.memory[h].curve, fixed});
    }
    for (TierId id : sequence_.policy.tiers) {
      tokens_per_page_.push_back(cache.layout(id).tokens);
      bytes_.push_back(bytes_per_token(id, cache.shape().head_dim));
    }
    costs_ = {tokens_per_page_,         cache.layout(job.fresh_tier).tokens, cache.page_bytes(),
              int64_t(sizeof(PageRef)), fixed_table_bytes(sequence_),        bytes_};
  }

  void solve(int64_t limit_bytes) {
    const int64_t target = target_bytes(cache_, sequence_, limit_bytes);
    if (sequence_.policy.kind == PolicyKind::kPaper) return solve_paper(target);
    double lambda = sequence_.policy.lambda.value_or(0);
    set_forecast(lambda);
    if (!sequence_.policy.lambda || page_true_bytes(problems_, costs_, job_.thresholds) > target) {
      lambda = std::max(lambda, solve_lambda(problems_, costs_, target));
      set_forecast(lambda);
    }
    sequence_.lambda = lambda;
  }

 private:
  void set_forecast(double lambda) {
    job_.thresholds.clear();
    for (const HeadProblem& p : problems_) {
      job_.thresholds.push_back(forecast_thresholds(*p.constants, *p.curve, bytes_, lambda));
    }
  }

  // The thresholds as given; one factor on both when a target asks for less.
  void solve_paper(int64_t target) {
    const Policy& policy = sequence_.policy;
    const auto set = [&](double factor) {
      job_.thresholds.assign(problems_.size(), paper_thresholds(int(bytes_.size()), policy.alpha_high * factor,
                                                                policy.alpha_low * factor, sequence_.tokens));
    };
    set(1);
    const bool aims = policy.ratio > 0 || policy.budget_bytes > 0;
    if (!aims && page_true_bytes(problems_, costs_, job_.thresholds) <= target) return;
    sequence_.lambda =
        solve_alpha_factor(problems_, costs_, policy.alpha_high, policy.alpha_low, sequence_.tokens, target);
    set(sequence_.lambda);
  }

  KvCache& cache_;
  SequenceState& sequence_;
  RecodeJob& job_;
  std::vector<HeadHistogram> histograms_;
  std::vector<HeadProblem> problems_;
  std::vector<int> tokens_per_page_, bytes_;
  PageCosts costs_{};
};

void convert_to_uniform(KvCache& cache, ThreadPool& threads, SlotId slot) {
  SequenceState& sequence = cache.state(slot);
  recode(cache, threads,
         {slot, sequence.tokens, sequence.policy.tiers.front(), std::vector<HeadThresholds>(sequence.heads.size())});
}

}  // namespace

int64_t target_bytes(const KvCache& cache, const SequenceState& sequence, int64_t limit_bytes) {
  const Policy& policy = sequence.policy;
  int64_t target = limit_bytes;
  if (policy.budget_bytes > 0) target = std::min(target, policy.budget_bytes);
  if (policy.ratio > 0) {
    const double bytes = double(sequence.tokens) * double(cache.shape().bytes_per_token_16bit()) / policy.ratio;
    target = std::min(target, int64_t(bytes));
  }
  return target;
}

int least_judgeable(const Policy& policy) {
  if (policy.kind != PolicyKind::kForecast) return 1;
  return policy.recent + kSkipFirst + kSkipLast + kCurvePoints;
}

int first_judgement(const Policy& policy, int prompt_tokens) {
  return std::max({prompt_tokens, policy.minimum_tokens, least_judgeable(policy)});
}

void judge(KvCache& cache, ThreadPool& threads, const JudgementRequest& request) {
  if (cache.keeper() != nullptr) return cache.keeper()->judge(request);
  SequenceState& sequence = cache.state(request.slot);
  if (!sequence.policy.judges()) return convert_to_uniform(cache, threads, request.slot);
  settle_statistics(cache, threads, request.slot, request.output_energy, request.next);
  RecodeJob job{request.slot, sequence.policy.window, sequence.policy.tiers.front(), {}};
  // The paper's significance is of the last queries alone, and decode goes on from there.
  if (sequence.policy.kind == PolicyKind::kPaper) job.most_queries = sequence.policy.recent;
  Choice(cache, threads, request.slot, job, 0).solve(request.limit_bytes);
  recode(cache, threads, job);
  sequence.last_review = sequence.tokens;
  ++sequence.judgements;
}

bool review_due(const SequenceState& sequence) {
  return sequence.policy.judges() && !sequence.gathering() &&
         sequence.tokens - sequence.last_review >= sequence.policy.review_interval;
}

void review(KvCache& cache, ThreadPool& threads, SlotId slot, int64_t limit_bytes) {
  if (cache.keeper() != nullptr) return cache.keeper()->review(slot, limit_bytes);
  SequenceState& sequence = cache.state(slot);
  const int window = std::max(kQueryUnit - 1, sequence.policy.window);
  RecodeJob job{slot, window, sequence.policy.tiers.front(), {}};
  const int units_gained = sequence.tokens / kQueryUnit - sequence.last_review / kQueryUnit;
  Choice(cache, threads, slot, job, units_gained).solve(limit_bytes);
  recode(cache, threads, job);
  sequence.last_review = sequence.tokens;
}

}  // namespace leankv
