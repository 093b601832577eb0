// Whole forward passes of tiny models against the logits that Hugging Face transformers computes for them.
#include "model/transformer.h"

#include <gtest/gtest.h>

#include "base/half.h"
#include "engine/engine.h"
#include "model/golden_model.h"
#include "model/naive_model.h"

namespace leankv::testing {
namespace {

Vectors rows_of_golden_logits(const std::string& name, std::size_t tokens) {
  const std::vector<float> values = golden_logits(name, tokens);
  Vectors logits;
  for (std::size_t t = 0; t < tokens; ++t) {
    logits.emplace_back(values.begin() + std::ptrdiff_t(t) * kGoldenVocabulary,
                        values.begin() + std::ptrdiff_t(t + 1) * kGoldenVocabulary);
  }
  return logits;
}

double largest_difference(const Vectors& a, const Vectors& b) {
  double most = 0;
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t t = 0; t < a.size(); ++t) {
    EXPECT_EQ(a[t].size(), b[t].size());
    for (std::size_t c = 0; c < a[t].size(); ++c) most = std::max(most, std::fabs(a[t][c] - b[t][c]));
  }
  return most;
}

// A logit's longest path: in each of 2 layers four sums of at most 224 products (values, attention over 24 tokens and
// output; gate and down), two norms of 224, and the output's sum and norm: below 2 * 6 * 224 + 2 * 224 < 3,200
// roundings to float (biases and norms of 32 channels are below what narrower sums leave), each a unit of 2^-24 of
// something no larger than the largest logit, 4.
constexpr double kFloatRounding = 3200 * 0x1p-24 * 4;

void round_to_half(Vector& x) {
  for (double& value : x) value = half_to_float(float_to_half(float(value)));
}

// Blocks of 32 inputs in codes up to `largest` (docs of DenseOps' Activations: 127 or 32,512 of them).
struct Quantise {
  double largest;
  void operator()(Vector& x) const {
    for (std::size_t first = 0; first < x.size(); first += 32) {
      double max = 0;
      for (std::size_t i = first; i < first + 32; ++i) max = std::max(max, std::fabs(x[i]));
      for (std::size_t i = first; max > 0 && i < first + 32; ++i)
        x[i] = std::nearbyint(x[i] / max * largest) * max / largest;
    }
  }
};

struct Case {
  GoldenModel model;
  std::string backend;
  std::optional<Isa> isa;
  Activations activations;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const GoldenModel& model : kGoldenModels) {
    all.push_back({model, "reference", {}, Activations::kF32});
    for (const Isa isa : available_isas()) {
      for (const Activations a : {Activations::kExact, Activations::kInt8, Activations::kF32}) {
        all.push_back({model, "cpu", isa, a});
      }
    }
  }
  return all;
}

// How far the number formats of a case move the logits. A value that float arithmetic rounds to the other neighbour
// moves by one step where it had moved by up to half a step: at most twice as far.
double format_error(const GgufFile& file, const Case& one, const std::vector<int>& tokens, const Vectors& exact) {
  NaiveModel formats(file);
  formats.store = round_to_half;
  const bool quantised = file.tensor("token_embd.weight").type != WeightType::kF32;
  if (quantised && one.activations == Activations::kInt8) formats.linear_input = Quantise{127};
  if (quantised && one.activations == Activations::kExact) formats.linear_input = Quantise{32512};
  return 2 * largest_difference(formats.logits(tokens), exact);
}

class TransformerTest : public ::testing::TestWithParam<Case> {};

TEST_P(TransformerTest, GivesTheLogitsOfTransformers) {
  const std::vector<int> tokens = golden_tokens();
  ASSERT_EQ(tokens.size(), 24u);
  const Vectors golden = rows_of_golden_logits(GetParam().model.logits, tokens.size());
  EngineOptions options;
  options.model_path = kGoldenFolder + GetParam().model.file;
  options.backend = GetParam().backend;
  options.isa = GetParam().isa;
  options.activations = GetParam().activations;
  options.threads = 1;
  Engine engine(options);
  std::optional<Sequence> sequence = engine.start(off_policy(), int(tokens.size()), 0);
  const ConstMatrix logits = engine.feed(*sequence, tokens, {}, int(tokens.size())).value().on_host();
  Vectors actual;
  for (int t = 0; t < logits.rows; ++t) actual.emplace_back(logits.row(t), logits.row(t) + logits.columns);

  const GgufFile file(options.model_path);
  const Vectors exact = NaiveModel(file).logits(tokens);
  EXPECT_LE(largest_difference(exact, golden), kFloatRounding);
  const double bound = format_error(file, GetParam(), tokens, exact) + 2 * kFloatRounding;
  EXPECT_LE(largest_difference(actual, golden), bound);
  EXPECT_LT(bound, 0.4);  // a tenth of the largest logit: with 8-bit activations the most
}

TEST(TransformerRows, ThoseWithoutLogitsChangeNoBit) {
  EngineOptions options;
  options.model_path = kGoldenFolder + "llama/tiny.gguf";
  options.threads = 1;
  Engine engine(options);
  const std::vector<int> tokens = golden_tokens();
  const auto logits_of_last = [&](int wanted) {
    std::optional<Sequence> sequence = engine.start(off_policy(), int(tokens.size()), 0);
    const ConstMatrix logits = engine.feed(*sequence, tokens, {}, wanted).value().on_host();
    return std::vector<float>(logits.data, logits.data + std::ptrdiff_t(logits.rows) * logits.stride);
  };
  const std::vector<float> all = logits_of_last(int(tokens.size()));
  for (int wanted : {0, 1, 5}) {
    const std::vector<float> some = logits_of_last(wanted);
    EXPECT_EQ(some, std::vector<float>(all.end() - std::ptrdiff_t(some.size()), all.end()));
    EXPECT_EQ(some.size() * tokens.size(), all.size() * std::size_t(wanted));
  }
}

std::string name_of(const ::testing::TestParamInfo<Case>& one) {
  static constexpr const char* kActivations[] = {"exact", "int8", "f32"};
  const Case& c = one.param;
  const std::string isa = c.isa ? "_" + std::string(isa_name(*c.isa)) : "";
  return c.model.name + "_" + c.backend + isa + "_" + kActivations[int(c.activations)];
}

INSTANTIATE_TEST_SUITE_P(Backends, TransformerTest, ::testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace leankv::testing
