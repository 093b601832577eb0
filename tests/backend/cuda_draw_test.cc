// Tokens drawn by the CUDA backend are those that the host draws, whatever the rule, the edits and the mask.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "backend/cuda/dense_ops.h"
#include "simt/test_device.h"

namespace leankv {
namespace {

using simt::Order;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Rows of logits, with a few at which floats are odd.
struct Rows {
  int rows, columns;
  std::vector<float> data;

  Rows(int n_rows, int n_columns, unsigned seed) : rows(n_rows), columns(n_columns) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    constexpr float kOdd[] = {-kInfinity, kNan, 0.0f, -0.0f, 1e-42f, 40.0f};
    for (int i = 0; i < rows * columns; ++i) {
      const float x = 3 * normal(random);
      data.push_back(random() % 16 == 0 ? kOdd[random() % std::size(kOdd)] : random() % 4 == 0 ? std::round(x) : x);
    }
  }
  std::span<const float> row(int r) const {
    return {&data[std::size_t(r) * std::size_t(columns)], std::size_t(columns)};
  }
};

class CudaDrawTest : public ::testing::TestWithParam<Order> {
 protected:
  void SetUp() override {
    if (device_ == nullptr) GTEST_SKIP() << "no GPU here";
    inputs_ = std::make_unique<StepInputs>(*device_);
    ops_ = std::make_unique<CudaDenseOps>(*device_, *inputs_);
  }
  void expect_the_hosts(const Rows& rows, const std::vector<TokenDraw>& draws) {
    DeviceArray<float> logits(*device_, rows.data.size());
    device_->upload(logits.data(), rows.data.data(), rows.data.size() * sizeof(float));
    std::vector<int> tokens(draws.size(), 12345);
    ops_->draw({logits.data(), rows.rows, rows.columns}, draws, tokens);
    for (std::size_t i = 0; i < draws.size(); ++i) {
      EXPECT_EQ(tokens[i], draw_token(rows.row(draws[i].row), draws[i])) << "draw " << i;
    }
  }

  std::unique_ptr<Device> device_ = simt::test_device(GetParam());
  std::unique_ptr<StepInputs> inputs_;
  std::unique_ptr<CudaDenseOps> ops_;
};

// Everything at once: any rule, edits of some tokens, a mask of some.
TEST_P(CudaDrawTest, SimtTokensAreTheHosts) {
  std::mt19937 random(3);
  const auto uniform = [&] { return std::uniform_real_distribution<double>()(random); };
  for (const int columns : {5, 700, 2500}) {
    const Rows rows(4, columns, unsigned(columns));
    std::vector<std::vector<LogitEdit>> edits(24);
    std::vector<std::vector<uint64_t>> masks(24);
    std::vector<TokenDraw> draws(24);
    for (std::size_t i = 0; i < draws.size(); ++i) {
      for (int t = 0; t < columns && i % 3 == 1; t += 1 + int(random() % 5)) {
        edits[i].push_back({t, t % 7 == 0 ? -kInfinity : float(random() % 3), 1.25f, 0.5f});
      }
      for (int w = 0; w < (columns + 63) / 64 && i % 4 == 2; ++w) masks[i].push_back(random() & random());
      draws[i] = {int(i % 4), {}, edits[i], masks[i]};
      draws[i].rule.temperature = i % 6 == 0 ? 0 : 0.2 + 2 * uniform();
      draws[i].rule.top_k = i % 2 == 0 ? 0 : 1 + int(random() % 50);
      draws[i].rule.top_p = i % 5 == 0 ? 1 : uniform();
      if (i % 4 != 0) draws[i].rule.log_min_p = std::log(0.3 * uniform());
      draws[i].rule.random = uniform();
    }
    expect_the_hosts(rows, draws);
  }
}

// Equal logits: every number drawn has its token, in order.
TEST_P(CudaDrawTest, SimtTiesGoByToken) {
  Rows rows(1, 600, 1);
  std::ranges::fill(rows.data, -2.5f);
  rows.data[17] = kNan;
  std::vector<TokenDraw> draws(9);
  for (std::size_t i = 0; i < draws.size(); ++i) {
    draws[i].rule.temperature = 1, draws[i].rule.random = double(i) / 9;
    draws[i].rule.top_k = i % 2 == 0 ? 0 : 400;
    draws[i].rule.top_p = i % 3 == 0 ? 1 : 0.5;
  }
  expect_the_hosts(rows, draws);
}

// One candidate, none, the ends of the range of random numbers, infinity.
TEST_P(CudaDrawTest, SimtEdges) {
  Rows rows(4, 40, 1);
  for (int t = 0; t < 40; ++t) rows.data[std::size_t(t)] = t % 2 == 0 ? kNan : -kInfinity;
  for (int t = 0; t < 40; ++t) rows.data[std::size_t(40 + t)] = t == 31 ? -90.0f : -kInfinity;
  rows.data[3 * 40 + 11] = kInfinity;
  std::vector<TokenDraw> draws;
  for (int row = 0; row < 4; ++row) {
    for (const double random : {0.0, 1 - 0x1p-53}) {
      for (const double top_p : {0.0, 1.0}) {
        TokenDraw draw{row, {}, {}, {}};
        draw.rule.temperature = 0.7, draw.rule.random = random, draw.rule.top_p = top_p;
        draws.push_back(draw);
      }
    }
    draws.push_back({row, {}, {}, {}});
  }
  expect_the_hosts(rows, draws);
}

INSTANTIATE_TEST_SUITE_P(Orders, CudaDrawTest, ::testing::ValuesIn(simt::kOrders), [](const auto& one) {
  return std::string(one.param == Order::kForward ? "Forward" : one.param == Order::kReversed ? "Reversed" : "Random");
});

}  // namespace
}  // namespace leankv
