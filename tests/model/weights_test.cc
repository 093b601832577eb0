// Weights of a file: all there, of the right shape, none left over; and how far a value's error reaches.
#include "model/weights.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "backend/reference/dense_ops.h"
#include "model/patched_model.h"

namespace leankv::testing {
namespace {

TEST(WeightsTest, OutputEnergyIsTheSquareOfTheOutputMatrixByHead) {
  const GgufFile file(LEANKV_GOLDEN_DIR "/llama/tiny2.gguf");
  const ModelConfig c = read_config(file);
  ReferenceDenseOps ops;
  std::vector<double> seen;
  const ModelWeights w = load_weights(file, c, ops, [&](double done) { seen.push_back(done); });
  ASSERT_EQ(w.output_energy.size(), 4u);
  for (int layer = 0; layer < 2; ++layer) {
    const TensorView t = file.tensor("blk." + std::to_string(layer) + ".attn_output.weight");
    std::vector<float> values(std::size_t(t.rows * t.columns));
    dequantise(t.type, t.data, t.rows * t.columns, values.data());
    for (int head = 0; head < 2; ++head) {
      double sum = 0;  // tr(M) / head_dim, the mean over the 3 heads of the group: columns 96 head to 96 head + 95
      for (int row = 0; row < 192; ++row) {
        for (int i = 96 * head; i < 96 * (head + 1); ++i) sum += double(values[row * 192 + i]) * values[row * 192 + i];
      }
      // 192 * 96 additions in double, each a rounding.
      EXPECT_NEAR(w.output_energy[layer * 2 + head], sum / 3 / 32, sum / 96 * 192 * 96 * 0x1p-53);
    }
  }
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 1);
}

TEST(WeightsTest, TheEmbeddingServesWhereThereIsNoOutput) {
  ReferenceDenseOps ops;
  const GgufFile with(LEANKV_GOLDEN_DIR "/llama/tiny.gguf"), without(LEANKV_GOLDEN_DIR "/llama/tiny2.gguf");
  ASSERT_TRUE(with.has_tensor("output.weight"));
  ASSERT_FALSE(without.has_tensor("output.weight"));
  const ModelWeights w = load_weights(without, read_config(without), ops, {});
  EXPECT_EQ(w.output->rows, 288);
  EXPECT_EQ(w.output->columns, 192);
}

TEST(WeightsTest, BiasesAndNormsOfHeadsAreThoseOfTheFile) {
  ReferenceDenseOps ops;
  const GgufFile biased(LEANKV_GOLDEN_DIR "/qwen/qwen2.gguf"), normed(LEANKV_GOLDEN_DIR "/qwen/qwen3.gguf");
  const ModelWeights with_biases = load_weights(biased, read_config(biased), ops, {});
  EXPECT_EQ(with_biases.layers[1].query_bias.size(), 224u);
  EXPECT_EQ(with_biases.layers[1].key_bias.size(), 32u);
  EXPECT_EQ(with_biases.layers[1].value_bias.size(), 32u);
  EXPECT_TRUE(with_biases.layers[1].query_norm.empty());
  const ModelWeights with_norms = load_weights(normed, read_config(normed), ops, {});
  EXPECT_TRUE(with_norms.layers[1].query_bias.empty());
  EXPECT_EQ(with_norms.layers[1].query_norm.size(), 32u);
  EXPECT_EQ(with_norms.layers[1].key_norm.size(), 32u);
}

void expect_refusal(const PatchedModel& model, ErrorKind kind, const std::string& part) {
  ReferenceDenseOps ops;
  const GgufFile file = model.file();
  try {
    load_weights(file, read_config(file), ops, {});
    ADD_FAILURE() << "accepted; expected a message with " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(WeightsTest, RefusesWhatIsMissingLeftOverOrOfAnotherShape) {
  expect_refusal(PatchedModel().text("blk.1.attn_q.weight", "blk.1.attn_x.weight"), ErrorKind::kBadFile,
                 "blk.1.attn_q.weight");
  expect_refusal(PatchedModel("qwen/qwen2.gguf").text("blk.1.attn_k.bias", "blk.1.attn_x.bias"), ErrorKind::kBadFile,
                 "blk.1.attn_k.bias");
  expect_refusal(PatchedModel("qwen/qwen3.gguf").text("blk.0.attn_k_norm", "blk.0.attn_x_norm"), ErrorKind::kBadFile,
                 "blk.0.attn_k_norm");
  expect_refusal(PatchedModel().text("output.weight", "outqut.weight"), ErrorKind::kUnsupported, "outqut.weight");
  expect_refusal(PatchedModel().value("llama.feed_forward_length", 95u), ErrorKind::kBadFile,
                 "96 x 64, expected 95 x 64");
  expect_refusal(PatchedModel().value("llama.block_count", 1u), ErrorKind::kUnsupported, "blk.1.");
  expect_refusal(PatchedModel().value("llama.block_count", 3u), ErrorKind::kBadFile, "blk.2.");
}

}  // namespace
}  // namespace leankv::testing
