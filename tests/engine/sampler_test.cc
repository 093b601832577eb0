#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"

namespace leankv {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// As the engine does it on a host's logits.
int sample(Sampler& sampler, const std::vector<float>& logits, const std::vector<int>& history = {}) {
  const int token = draw_token(logits, sampler.plan(history));
  sampler.note(token);
  return token;
}
int sample(Sampler&& sampler, const std::vector<float>& logits, const std::vector<int>& history = {}) {
  return sample(sampler, logits, history);
}

// Draws from the whole distribution: every filter off.
SamplingOptions plain() {
  SamplingOptions o;
  o.temperature = 1, o.top_k = 0, o.top_p = 1, o.min_p = 0, o.seed = 7;
  return o;
}

std::vector<float> logs(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (double p : probabilities) logits.push_back(float(std::log(p)));
  return logits;
}

std::map<int, int> histogram(const SamplingOptions& options, const std::vector<float>& logits, int draws,
                             const std::vector<int>& history = {}) {
  Sampler sampler(options, int(logits.size()));
  std::map<int, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[sample(sampler, logits, history)];
  return counts;
}

// What 500 draws reach. REQUIRES every reachable token to have at least 5 %: the chance to miss one is below 0.95^500,
// 7e-12; the seed is fixed besides.
std::set<int> reached(const SamplingOptions& options, const std::vector<float>& logits,
                      const std::vector<int>& history = {}) {
  std::set<int> tokens;
  for (const auto& [token, n] : histogram(options, logits, 500, history)) tokens.insert(token);
  return tokens;
}

TEST(Random, GivesThePublishedSequenceOfSplitMix64) {
  Random random(1234567);  // values: the generator's reference implementation, as Rosetta Code lists them
  EXPECT_EQ(random.bits(), 6457827717110365317u);
  EXPECT_EQ(random.bits(), 3203168211198807973u);
  EXPECT_EQ(random.bits(), 9817491932198370423u);
}

TEST(Sampler, GreedyTakesTheBestAndOfEqualOnesTheFirst) {
  SamplingOptions o;
  o.temperature = 0;
  Sampler sampler(o, 5);
  EXPECT_EQ(sample(sampler, {0, 3, 1, 3, -1}), 1);
  EXPECT_EQ(sample(sampler, std::vector<float>{-5, -3, -kInfinity, -4, -2}, {}), 4);
}

TEST(Sampler, TopKKeepsTheKBest) {
  SamplingOptions o = plain();
  o.top_k = 2;
  EXPECT_EQ(reached(o, logs({.1, .3, .2, .25, .15})), (std::set{1, 3}));
  o.top_k = 0;
  EXPECT_EQ(reached(o, logs({.1, .3, .2, .25, .15})), (std::set{0, 1, 2, 3, 4}));
  o.top_k = 99;
  EXPECT_EQ(reached(o, logs({.1, .3, .2, .25, .15})), (std::set{0, 1, 2, 3, 4}));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions o = plain();
  o.top_p = 0.65;  // 0.4 + 0.2 < 0.65 <= 0.4 + 0.2 + 0.16
  EXPECT_EQ(reached(o, logs({.4, .08, .2, .16, .16})), (std::set{0, 2, 3}));
  o.top_p = 0;  // one always stays
  EXPECT_EQ(reached(o, logs({.4, .08, .2, .16, .16})), (std::set{0}));
}

TEST(Sampler, MinPKeepsThoseNearTheBest) {
  SamplingOptions o = plain();
  o.min_p = 0.45;  // of 0.4: above 0.18
  EXPECT_EQ(reached(o, logs({.4, .1, .2, .15, .15})), (std::set{0, 2}));
  o.min_p = 1;
  EXPECT_EQ(reached(o, logs({.4, .1, .2, .15, .15})), (std::set{0}));
}

// The filters see probabilities at temperature 1: a high temperature does not let more through.
TEST(Sampler, TemperatureComesAfterTheFilters) {
  SamplingOptions o = plain();
  o.temperature = 100;
  o.top_p = 0.5;
  EXPECT_EQ(reached(o, logs({.6, .2, .2})), (std::set{0}));
}

TEST(Sampler, PenaltyMovesRepeatedTokensDownWhateverTheirSign) {
  SamplingOptions o = plain();
  o.temperature = 0;
  o.repeat_penalty = 2;
  o.repeat_last_n = 2;
  Sampler sampler(o, 3);
  const std::vector<float> positive{3, 2, 1}, negative{-1, -1.5, -9};
  EXPECT_EQ(sample(sampler, positive, {}), 0);
  EXPECT_EQ(sample(sampler, positive, std::vector{0, 0}), 1);     // 3 / 2, once although seen twice
  EXPECT_EQ(sample(sampler, negative, std::vector{0, 2}), 1);     // -1 * 2
  EXPECT_EQ(sample(sampler, positive, std::vector{0, 2, 2}), 0);  // out of the window of 2
  o.repeat_last_n = -1;
  EXPECT_EQ(sample(Sampler(o, 3), positive, std::vector{0, 2, 2}), 1);
  o.repeat_last_n = 0;
  EXPECT_EQ(sample(Sampler(o, 3), positive, std::vector{0, 2, 2}), 0);
}

// llama.cpp: what stands in the window, prompt or answer, once and as often as it stands there.
TEST(Sampler, PresenceAndFrequencyLookAtTheWindow) {
  SamplingOptions o = plain();
  o.temperature = 0;
  o.repeat_last_n = 3;
  const std::vector<float> logits{3, 2, 1};
  o.presence_penalty = 1.5;
  EXPECT_EQ(sample(Sampler(o, 3), logits, std::vector{0, 0, 0}), 1);     // 3 - 1.5
  EXPECT_EQ(sample(Sampler(o, 3), logits, std::vector{0, 1, 1}), 0);     // 1.5, 0.5, 1
  EXPECT_EQ(sample(Sampler(o, 3), logits, std::vector{0, 2, 2, 2}), 0);  // out of the window of 3
  o.presence_penalty = 0;
  o.frequency_penalty = 0.75;
  EXPECT_EQ(sample(Sampler(o, 3), logits, std::vector{0}), 0);        // 2.25
  EXPECT_EQ(sample(Sampler(o, 3), logits, std::vector{0, 0}), 1);     // 1.5
  EXPECT_EQ(sample(Sampler(o, 3), logits, std::vector{0, 0, 1}), 0);  // 1.5, 1.25, 1
  o.frequency_penalty = -1;
  EXPECT_EQ(sample(Sampler(o, 3), logits, std::vector{2, 2, 2}), 2);  // 4
}

// OpenAI: what this answer has sampled, however long ago; the prompt does not count.
TEST(Sampler, PresenceAndFrequencyLookAtTheAnswer) {
  SamplingOptions o = plain();
  o.temperature = 0;
  o.penalise_sampled = true;
  o.repeat_last_n = 1;
  o.frequency_penalty = 0.75;
  const std::vector<float> logits{3, 2.1f, 1};
  Sampler sampler(o, 3);
  std::vector<int> tokens{0, 0, 0, 0};
  for (int i = 0; i < 6; ++i) tokens.push_back(sample(sampler, logits, tokens));
  // After each: 2.25 2.1 1, 1.5 2.1 1, 1.5 1.35 1, 0.75 1.35 1, 0.75 0.6 1.
  EXPECT_EQ(std::vector(tokens.begin() + 4, tokens.end()), (std::vector{0, 0, 1, 0, 1, 2}));
}

TEST(Sampler, BiasesComeFirstAndMayForbid) {
  SamplingOptions o = plain();
  o.temperature = 0;
  o.biases = {{0, -kInfinity}, {2, 1.5f}};
  EXPECT_EQ(sample(Sampler(o, 3), std::vector<float>{9, 2, 1}, {}), 2);
}

TEST(Sampler, RefusesLogitsThatAreNoNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Sampler sampler(plain(), 3);
  EXPECT_EQ(sample(sampler, std::vector<float>{nan, 1, -kInfinity}, {}), 1);
  EXPECT_THROW(sample(sampler, std::vector<float>{nan, nan, -kInfinity}, {}), Error);
}

TEST(Sampler, RefusesSettingsOutOfRange) {
  const auto refused = [](auto change) {
    SamplingOptions o;
    change(o);
    EXPECT_THROW(Sampler(o, 10), Error);
  };
  refused([](SamplingOptions& o) { o.temperature = -0.1; });
  refused([](SamplingOptions& o) { o.temperature = std::nan(""); });
  refused([](SamplingOptions& o) { o.top_k = -1; });
  refused([](SamplingOptions& o) { o.top_p = 1.01; });
  refused([](SamplingOptions& o) { o.min_p = -0.01; });
  refused([](SamplingOptions& o) { o.repeat_penalty = 0; });
  refused([](SamplingOptions& o) { o.repeat_last_n = -2; });
  refused([](SamplingOptions& o) { o.presence_penalty = kInfinity; });
  refused([](SamplingOptions& o) { o.frequency_penalty = std::nan(""); });
  refused([](SamplingOptions& o) { o.biases = {{10, 1.0f}}; });
  refused([](SamplingOptions& o) { o.biases = {{-1, 1.0f}}; });
}

TEST(Sampler, SameSeedSameTokensOtherSeedOthers) {
  const std::vector<float> logits(64, 0.0f);
  const auto draw = [&](uint64_t seed) {
    SamplingOptions o = plain();
    o.seed = seed;
    Sampler sampler(o, 64);
    std::vector<int> tokens;
    for (int i = 0; i < 32; ++i) tokens.push_back(sample(sampler, logits, {}));
    return tokens;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
}

// Pearson's statistic of 8 classes has a chi-square distribution of 7 degrees of freedom; by Laurent and Massart (2000,
// lemma 1) it exceeds 7 + 2 sqrt(7 x) + 2 x with probability at most e^-x. x = 16 (1e-7) gives 60.2. The seed is fixed,
// so the test passes always or never.
TEST(Sampler, DrawsFromTheDistributionAtItsTemperature) {
  const std::vector<double> p{.3, .2, .15, .12, .1, .06, .05, .02};
  constexpr int kDraws = 20000;
  for (double temperature : {1.0, 0.5, 2.0}) {
    SamplingOptions o = plain();
    o.temperature = temperature;
    const std::map<int, int> counts = histogram(o, logs(p), kDraws);
    double total = 0, statistic = 0;
    for (double x : p) total += std::pow(x, 1 / temperature);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double expected = kDraws * std::pow(p[i], 1 / temperature) / total;
      const double seen = counts.contains(int(i)) ? counts.at(int(i)) : 0;
      statistic += (seen - expected) * (seen - expected) / expected;
    }
    EXPECT_LT(statistic, 7 + 2 * std::sqrt(7 * 16.0) + 2 * 16.0) << "temperature " << temperature;
  }
}

}  // namespace
}  // namespace leankv
