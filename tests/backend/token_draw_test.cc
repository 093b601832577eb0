// The arithmetic of drawing a token: whole weights are those of exp, keys have the order of floats.
#include "backend/token_draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace leankv {
namespace {

// In units of 2^-40: half of one is rounded off; the series and the roundings of an argument up to 42 ln 2 add less
// than a tenth.
TEST(TokenDraw, WeightsAreExponentials) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> logit(-60, 20);
  for (int i = 0; i < 2000; ++i) {
    const float best = 20, x = logit(random);
    const double temperature = 0.1 + 0.01 * (i % 300), exact = std::exp((double(x) - best) / temperature) * 0x1p40;
    if (exact < 1e-2) {
      EXPECT_EQ(draw_weight(x, best, temperature), 0u);
    } else {
      EXPECT_NEAR(double(draw_weight(x, best, temperature)), exact, 0.6) << x << " at " << temperature;
    }
  }
  EXPECT_EQ(draw_weight(3, 3, 0.5), uint64_t(1) << 40);
}

TEST(TokenDraw, KeysHaveTheOrderOfLogits) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(key_of(-kInfinity), 0u);
  EXPECT_EQ(key_of(std::nanf("")), 0u);
  EXPECT_EQ(key_of(-0.0f), key_of(0.0f));
  const float ascending[] = {-3e38f, -2, -1, -1e-42f, 0, 1e-42f, 1e-30f, 1, 1.5f, 3e38f, kInfinity};
  for (std::size_t i = 1; i < std::size(ascending); ++i) EXPECT_LT(key_of(ascending[i - 1]), key_of(ascending[i]));
  for (const float x : ascending) EXPECT_EQ(logit_of(key_of(x)), x);
}

TEST(TokenDraw, RanksStayWithinTheSum) {
  EXPECT_EQ(rank_of_count(7, 0), 7u);
  EXPECT_EQ(rank_of_count(7, 3), 3u);
  EXPECT_EQ(rank_of_count(7, 9), 7u);
  EXPECT_EQ(rank_of_share(1000, 0), 1u);
  EXPECT_EQ(rank_of_share(1000, 0.0625), 63u);  // the fewest that reach 62.5
  EXPECT_EQ(rank_of_share(1000, 0.125), 125u);
  EXPECT_EQ(rank_of_draw(4, 0), 1u);
  EXPECT_EQ(rank_of_draw(4, 0.5), 3u);
  const double last = 1 - 0x1p-53;
  for (const uint64_t sum : {1, 4, 1000}) EXPECT_EQ(rank_of_draw(sum, last), sum);
  const uint64_t large = (uint64_t(1) << 60) + 255;  // as a double it is more
  EXPECT_EQ(rank_of_share(large, 1), large);
  EXPECT_LE(rank_of_draw(large, last), large);
}

}  // namespace
}  // namespace leankv
