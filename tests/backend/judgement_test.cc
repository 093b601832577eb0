// Both policies on one head, step by step against their oracles: significance, tiers, kept tokens, stored rows.
#include "backend/judgement.h"

#include <gtest/gtest.h>

#include "backend/judged_head.h"
#include "kv/oracle_paper.h"

namespace leankv::testing {
namespace {

constexpr int kPrompt = 220, kSteps = 200;

// What both oracles offer the comparison.
struct ForecastRun {
  static constexpr double kRounding = 1;  // levels: half a level of each part of a score, half of their sum
  oracle::ForecastHead head;
  double lambda;
  int window;
  std::vector<double>& significance() { return head.a; }
  void judge_prompt() { head.judge_prompt(lambda, window); }
  void review() { head.review(lambda); }
  int choose(double a, int current) const {
    return oracle::choose(head.cost, head.bytes, lambda, oracle::importance(head.points, a), current);
  }
  int tiers() const { return int(head.bytes.size()); }
};
struct PaperRun {
  static constexpr double kRounding = 0.5;  // the nearest level
  oracle::PaperHead head;
  int window;
  std::vector<double>& significance() { return head.sig; }
  void judge_prompt() { head.judge_prompt(window); }
  void review() {  // as the oracle's, but the last `window` tokens stay high in decode too
    for (int t = 0; t < int(head.k.size()) - window; ++t) {
      if (head.count[t] >= 64) head.judge(t);
    }
  }
  int choose(double a, int current) const {
    return oracle::paper_choose(head.alphas, a, double(head.k.size()), current);
  }
  int tiers() const { return int(head.alphas.size()); }
};

double level_of(double a) { return kLevelsPerOctave * (std::log2(a) - kLowestOctave); }

double longest(const std::vector<oracle::Row>& rows) {
  double most = 0;
  for (const oracle::Row& row : rows) most = std::max(most, std::sqrt(oracle::dot(row, row)));
  return most;
}

// How far float arithmetic may move a significance, in levels. A logit is a sum of d products, at most |q| |k| /
// sqrt(d) in magnitude, with d + 3 roundings each; the same again for the denominator, 8 units for the exponential and
// the divisions; the square doubles it. Sums over up to kPrompt queries add a rounding each.
double float_levels(const oracle::Head& head) {
  const double d = double(head.k[0].size());
  double q = 0;
  for (const auto& group : head.q) q = std::max(q, longest(group));
  const double logit = q * longest(head.k) / std::sqrt(d);
  const double relative = 2 * (2 * (d + 3) * logit + 8) * kFloatUnit + (kPrompt + 8) * kFloatUnit;
  return kLevelsPerOctave / std::log(2.0) * relative;
}

template <class Run>
class Follower {
 public:
  Follower(JudgedHead& head, Run& run) : head_(head), run_(run), slack_(float_levels(head.oracle_head())) {}

  void judge_prompt(int most_units) {
    const std::vector<double> exact = run_.significance();
    const std::vector<int> before = run_.head.tier;
    head_.judge_prompt();
    run_.judge_prompt();
    for (int t = 0; t < kPrompt; ++t) {
      if (head_.tokens()[t].pruned) continue;
      const uint16_t bits = head_.tokens()[t].significance;
      EXPECT_NEAR(significance_level(bits), level_of(exact[t]), Run::kRounding + slack_) << t;
      if (t >= kPrompt - run_.window) continue;
      EXPECT_EQ(significance_units(bits), std::min(query_units(kPrompt - t), most_units)) << t;
    }
    compare(before);
  }

  // An update rounds to one of the two levels around its exact result. The oracle then goes on from the stored level.
  void decode_step() {
    for (int t = 0; t < int(head_.tokens().size()); ++t) {
      const JudgedHead::Token& token = head_.tokens()[t];
      if (token.list != kFreshList) {  // counts of judged tokens are in whole units (docs/compression.md), at least one
        run_.head.count[t] = kQueryUnit * std::max(1, significance_units(token.significance));
      }
    }
    head_.feed(1);
    run_.head.step(head_.oracle_head().q.back(), head_.oracle_head().k.back());
    const int n = int(head_.tokens().size());
    for (int t = 0; t < n; ++t) {
      if (head_.tokens()[t].pruned) continue;
      EXPECT_NEAR(significance_level(head_.tokens()[t].significance), level_of(run_.significance()[t]), 1 + slack_)
          << t;
    }
    take_levels();
    review_if_due();
  }

  int judged() const { return judged_; }
  int differed() const { return differed_; }
  const std::vector<int>& in_tier() const { return in_tier_; }  // [tiers + 1] tokens after each judgement, added up

 private:
  void review_if_due() {
    const std::vector<int> before = run_.head.tier;
    const std::vector<JudgedHead::Token> tokens = head_.tokens();
    const int gained = head_.state().tokens / kQueryUnit - head_.state().last_review / kQueryUnit;
    if (!head_.review_if_due()) return;
    run_.review();
    for (int t = 0; t < int(tokens.size()); ++t) {
      const JudgedHead::Token& now = head_.tokens()[t];
      if (now.pruned || now.list == kFreshList) continue;
      const int units = tokens[t].list == kFreshList ? query_units(int(tokens.size()) - t)
                                                     : significance_units(tokens[t].significance) + gained;
      EXPECT_EQ(significance_units(now.significance), std::min(units, kMaxQueryUnits)) << t;
    }
    compare(before);
  }

  // Tokens may differ where one level of significance decides; the oracle goes on with what the cache chose.
  void compare(const std::vector<int>& before) {
    in_tier_.resize(std::size_t(run_.tiers()) + 1);
    for (int t = 0; t < int(head_.tokens().size()); ++t) {
      const JudgedHead::Token& token = head_.tokens()[t];
      const bool young = !token.pruned && token.list == kFreshList;
      if (young) {
        EXPECT_EQ(run_.head.tier[t], 0);
        continue;
      }
      const int chosen = token.pruned ? run_.tiers() : token.list - 1;
      if (before[t] < run_.tiers()) ++judged_;
      ++in_tier_[std::size_t(chosen)];
      EXPECT_GE(chosen, before[t]) << "token " << t << " was raised";
      if (chosen == run_.head.tier[t]) continue;
      ++differed_;
      const double a = run_.significance()[t], level = std::exp2(1.0 / kLevelsPerOctave);
      EXPECT_TRUE(run_.choose(a * level, before[t]) == chosen || run_.choose(a / level, before[t]) == chosen)
          << "token " << t << " of significance " << a << ": " << chosen << ", expected " << run_.head.tier[t];
      run_.head.tier[t] = chosen;
    }
    take_levels();
    for (int t = 0; t < int(head_.tokens().size()); ++t) {
      if (!head_.tokens()[t].pruned) run_.head.k[t] = head_.stored_key(t);
    }
  }
  void take_levels() {
    for (int t = 0; t < int(head_.tokens().size()); ++t) {
      const JudgedHead::Token& token = head_.tokens()[t];
      if (!token.pruned) run_.significance()[t] = level_mean(significance_level(token.significance));
    }
  }

  JudgedHead& head_;
  Run& run_;
  double slack_;
  int judged_ = 0, differed_ = 0;
  std::vector<int> in_tier_;
};

template <class Run>
void follow(JudgedHead& head, Run& run, int most_units) {
  Follower<Run> follower(head, run);
  follower.judge_prompt(most_units);
  for (int i = 0; i < kSteps; ++i) {
    follower.decode_step();
    if (::testing::Test::HasFailure()) return;
  }
  head.cache().check_integrity();
  ::testing::Test::RecordProperty("judged", follower.judged());
  ::testing::Test::RecordProperty("differed", follower.differed());
  EXPECT_LE(follower.differed(), follower.judged() / 50);
  for (const int tokens : follower.in_tier()) EXPECT_GT(tokens, 0);  // every choice was made
}

struct Case {
  OpsCase ops;
  int group;
  bool transformed;  // rotated and centred
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const std::vector<OpsCase> ops = all_ops();
  for (std::size_t i = 0; i < ops.size(); ++i) {
    for (const bool transformed : {false, true}) all.push_back({ops[i], int(i + transformed) % 4 + 1, transformed});
  }
  return all;
}

class JudgementTest : public ::testing::TestWithParam<Case> {};

TEST_P(JudgementTest, ForecastFollowsItsOracle) {
  Policy policy = forecast_policy(0);
  policy.rotate = policy.centre = GetParam().transformed;
  policy.recent = 48, policy.review_interval = 64, policy.prune_penalty = 2;
  policy.sample_interval = 1;
  JudgedHead head(GetParam().ops, policy, GetParam().group, 32, 11);
  head.prompt(kPrompt);
  std::vector<std::vector<oracle::Row>> keys, values;
  for (const TierId id : policy.tiers) keys.push_back(head.keys_at(id)), values.push_back(head.values_at(id));
  const oracle::Surroundings surroundings{JudgedHead::kOutputEnergy, JudgedHead::kResidualEnergy, policy.prune_penalty};
  ForecastRun run{{head.oracle_head(), oracle::score(head.oracle_head(), kPrompt, policy.recent),
                   oracle::fit(head.oracle_head(), policy.recent),
                   oracle::costs(head.oracle_head(), keys, values, surroundings, policy.recent), head.bytes()},
                  0,
                  policy.window};
  std::vector<double> a = run.head.a;
  std::ranges::sort(a);
  // About a fifth of the prompt is not worth the bytes of the last tier.
  run.lambda = oracle::importance(run.head.points, a[kPrompt / 5]) * run.head.cost.back() / run.head.bytes.back();
  head.state().policy.lambda = run.lambda;
  follow(head, run, kMaxQueryUnits);
}

TEST_P(JudgementTest, PaperFollowsItsOracle) {
  Policy policy = paper_policy();
  policy.rotate = policy.centre = GetParam().transformed;
  policy.alpha_low = 0.3;
  policy.sample_interval = 1;
  JudgedHead head(GetParam().ops, policy, GetParam().group, 32, 12);
  head.prompt(kPrompt);
  PaperRun run{{head.oracle_head(), oracle::paper_alphas(2, policy.alpha_high, policy.alpha_low)}, policy.window};
  follow(head, run, 1);  // the last 64 queries alone count
}

INSTANTIATE_TEST_SUITE_P(Ops, JudgementTest, ::testing::ValuesIn(cases()), [](const auto& one) {
  return one.param.ops.name() + "_group" + std::to_string(one.param.group) + (one.param.transformed ? "_rotated" : "");
});

}  // namespace
}  // namespace leankv::testing
