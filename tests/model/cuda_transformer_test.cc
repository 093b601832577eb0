// Whole forward passes through the CUDA backend, its kernels run in the emulator: prompts, then decode of two sequences
// in one batch, against the logits that Hugging Face transformers computes (transformer_test.cc).
#include <gtest/gtest.h>

#include <cmath>

#include "backend/cuda/make_backend.h"
#include "model/golden_model.h"
#include "model/transformer.h"
#include "simt/test_device.h"

namespace leankv {
namespace {

using testing::golden_logits;
using testing::golden_tokens;
using testing::GoldenModel;
using testing::kGoldenFolder;
using testing::kGoldenVocabulary;

// The largest inaccuracy is that of attention's weights, halves: each head's output is off by up to 2^-11 of the
// largest value. What a layer adds to the residual stream is a part of it, and what a norm makes of an error is no
// larger than the error is relative to the stream, so a layer of the two moves a logit by no more than a few times
// 2^-11 of the largest, 4.
constexpr double kMostOff = 2 * 4 * 0x1p-11 * 4;

class CudaTransformerTest : public ::testing::TestWithParam<GoldenModel> {};

TEST_P(CudaTransformerTest, SimtLogitsAreThoseOfTheModel) {
  std::unique_ptr<Device> device = simt::test_device(simt::Order::kReversed);
  if (device == nullptr) GTEST_SKIP() << "no GPU here";
  const std::vector<int> tokens = golden_tokens();
  const std::vector<float> expected = golden_logits(GetParam().logits, tokens.size());
  const GgufFile file(kGoldenFolder + GetParam().file);
  const ModelConfig config = read_config(file);
  Backend backend;
  fill_with_device(backend, std::move(device), 64, 0.9);
  const ModelWeights weights = load_weights(file, config, *backend.dense, {});
  Transformer transformer(config, weights, backend);
  const TierId half = TierId::kK16V16;
  KvCache cache({config.layers, config.kv_heads, config.group(), config.head_dim}, {&half, 1}, 8 << 20, 2,
                backend.cache->make_keeper());
  SequenceCache first = *cache.admit(off_policy(), half), second = *cache.admit(off_policy(), half);
  const auto step = [&](int from_first, int n_first, int from_second, int n_second) {
    Batch batch;
    batch.add(first.slot(), std::span(tokens).subspan(std::size_t(from_first), std::size_t(n_first)), from_first);
    batch.add(second.slot(), std::span(tokens).subspan(std::size_t(from_second), std::size_t(n_second)), from_second);
    for (int r = 0; r < batch.rows(); r += 1 + r % 2) batch.logit_rows.push_back(r);
    ASSERT_TRUE(cache.extend(batch.entries));
    const ConstMatrix logits = backend.dense->download(transformer.forward(batch, cache));
    for (int i = 0; i < logits.rows; ++i) {
      const int row = batch.logit_rows[std::size_t(i)];
      const float* from = &expected[std::size_t(batch.positions[std::size_t(row)]) * kGoldenVocabulary];
      for (int c = 0; c < kGoldenVocabulary; ++c) ASSERT_NEAR(logits.row(i)[c], from[c], kMostOff) << row << " " << c;
    }
  };
  step(0, 5, 0, 9);
  step(5, 1, 9, 1);
  step(6, 8, 10, 1);
  for (int i = 0; i < 3; ++i) step(14 + i, 1, 11 + i, 1);
  cache.check_integrity();
}

INSTANTIATE_TEST_SUITE_P(Models, CudaTransformerTest, ::testing::ValuesIn(testing::kGoldenModels),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace leankv
