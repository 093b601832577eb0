#include "model/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "engine/engine.h"

namespace leankv {
namespace {

// Parameters as the models' authors count them: with norms and biases.
TEST(ModelShapes, HaveThePublishedNumberOfParameters) {
  const auto norms = [](const ModelShape& s) { return int64_t(2 * s.layers + 1) * s.hidden; };
  const auto all = [&](std::string_view name) {
    return matrix_elements(find_model_shape(name)) + norms(find_model_shape(name));
  };
  EXPECT_EQ(all("smollm2-135m"), 134'515'008);
  EXPECT_EQ(all("llama-3.2-1b"), 1'235'814'400);
  EXPECT_EQ(all("llama-3.2-3b"), 3'212'749'824);
  EXPECT_EQ(all("llama-3-8b"), 8'030'261'248);
  EXPECT_EQ(all("mistral-7b"), 7'248'023'552);
  const ModelShape& qwen = find_model_shape("qwen2.5-7b");
  const int64_t biases = int64_t(qwen.layers) * (qwen.heads + 2 * qwen.kv_heads) * qwen.head_dim;
  EXPECT_EQ(all("qwen2.5-7b") + biases, 7'615'616'512);
  const auto head_norms = [](std::string_view name) { return int64_t(2 * find_model_shape(name).layers) * 128; };
  EXPECT_EQ(all("qwen3-0.6b") + head_norms("qwen3-0.6b"), 596'049'920);
  EXPECT_EQ(all("qwen3-8b") + head_norms("qwen3-8b"), 8'190'735'360);
}

TEST(ModelShapes, ListsThemWhereOneIsUnknown) {
  try {
    find_model_shape("llama-4");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadOption);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("llama-3-8b"));
  }
}

constexpr ModelShape kTiny{"tiny", "llama", 2, 64, 4, 2, 16, 96, 300, 128, false, 1e4};

class RandomModel : public ::testing::TestWithParam<WeightType> {};

TEST(ModelShapes, HaveTheTensorsOfTheirArchitecture) {
  for (const auto& [name, tensors] : {std::pair("llama", 21), std::pair("qwen2", 27), std::pair("qwen3", 25)}) {
    ModelShape shape = kTiny;
    shape.architecture = name;
    shape.head_dim = 32;  // queries are wider than the hidden state
    const std::vector<std::byte> image = random_model(shape, WeightType::kQ8_0);
    EXPECT_EQ(GgufFile(image, name).tensors().size(), std::size_t(tensors));
    EngineOptions options;
    options.threads = 1;
    EXPECT_EQ(Engine(options, std::make_unique<GgufFile>(image, name)).config().architecture.name, name);
  }
}

TEST_P(RandomModel, IsReadAsAModelOfItsShapeAndComputes) {
  const std::vector<std::byte> image = random_model(kTiny, GetParam());
  EngineOptions options;
  options.threads = 1;
  Engine engine(options, std::make_unique<GgufFile>(image, "tiny"));
  const ModelConfig& c = engine.config();
  EXPECT_EQ(c.layers, kTiny.layers);
  EXPECT_EQ(c.head_dim, kTiny.head_dim);
  EXPECT_EQ(c.group(), kTiny.heads / kTiny.kv_heads);
  EXPECT_EQ(c.vocabulary, kTiny.vocabulary);
  std::optional<Sequence> sequence = engine.start(off_policy(), 3, 1);
  const std::optional<Logits> logits = engine.feed(*sequence, std::vector<int>{1, 299, 7});
  ASSERT_TRUE(logits.has_value());
  const std::span<const float> row = logits->on_host().row_span(0);
  float low = row[0], high = low;
  for (float x : row) {
    ASSERT_TRUE(std::isfinite(x));
    low = std::min(low, x), high = std::max(high, x);
  }
  EXPECT_LT(low, high);
}

INSTANTIATE_TEST_SUITE_P(Types, RandomModel,
                         ::testing::Values(WeightType::kQ8_0, WeightType::kQ4_0, WeightType::kQ4_1));

// Codes are uniform, so sums over all of them are known: mean 0 to half a step, deviation 0.02. With n = 96 * 64
// values the mean of n has a deviation of 0.02 / sqrt(n) and the deviation one of less than 0.02 / sqrt(2 n): five of
// either are allowed, and half a step for the mean of signed codes, which is -1/2.
TEST_P(RandomModel, HasWeightsOfTheDeviationThatModelsStartWith) {
  const std::vector<std::byte> image = random_model(kTiny, GetParam());
  const GgufFile file(image, "tiny");
  const TensorView view = file.tensor("blk.0.ffn_gate.weight");
  std::vector<float> values(std::size_t(view.rows * view.columns));
  dequantise(view.type, view.data, int64_t(values.size()), values.data());
  double sum = 0, squares = 0;
  for (float v : values) sum += v, squares += double(v) * v;
  const double n = double(values.size()), mean = sum / n, deviation = std::sqrt(squares / n - mean * mean);
  const double step = 0.02 * std::sqrt(12.0) / (view.type == WeightType::kQ8_0 ? 255 : 15);
  EXPECT_LT(std::abs(mean), step / 2 + 5 * 0.02 / std::sqrt(n));
  EXPECT_LT(std::abs(deviation - 0.02), 5 * 0.02 / std::sqrt(2 * n));
}

}  // namespace
}  // namespace leankv
