// The shape of a model as its file says it, and files that say nonsense.
#include "model/config.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/patched_model.h"

namespace leankv::testing {
namespace {

TEST(ConfigTest, ReadsTheShape) {
  const GgufFile file(LEANKV_GOLDEN_DIR "/llama/tiny2.gguf");
  const ModelConfig c = read_config(file);
  EXPECT_EQ(c.architecture.name, "llama");
  EXPECT_EQ(c.layers, 2);
  EXPECT_EQ(c.hidden, 192);
  EXPECT_EQ(c.heads, 6);
  EXPECT_EQ(c.kv_heads, 2);
  EXPECT_EQ(c.group(), 3);
  EXPECT_EQ(c.head_dim, 32);
  EXPECT_EQ(c.feed_forward, 160);
  EXPECT_EQ(c.vocabulary, 288);
  EXPECT_EQ(c.context, 512);
  EXPECT_EQ(c.norm_epsilon, 1e-6f);
  ASSERT_EQ(c.inverse_frequencies.size(), 16u);
  // pow of the standard library is good to a few units; the same formula the other way round.
  for (int i = 0; i < 16; ++i) EXPECT_NEAR(c.inverse_frequencies[i] * std::pow(1e5, i / 16.0), 1, 1e-14) << i;
}

TEST(ConfigTest, ReadsAHeadSizeOfItsOwn) {
  const GgufFile file(LEANKV_GOLDEN_DIR "/qwen/qwen3.gguf");
  const ModelConfig c = read_config(file);
  EXPECT_EQ(c.architecture.name, "qwen3");
  EXPECT_EQ(c.hidden, 64);
  EXPECT_EQ(c.heads, 4);
  EXPECT_EQ(c.head_dim, 32);
  EXPECT_EQ(c.inverse_frequencies.size(), 16u);
}

void expect_refusal(const PatchedModel& model, ErrorKind kind, const std::string& part) {
  try {
    read_config(model.file());
    ADD_FAILURE() << "accepted; expected a message with " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(ConfigTest, UnpatchedCopyIsAccepted) {
  const PatchedModel model;
  EXPECT_EQ(read_config(model.file()).heads, 4);
}

// Under linear scaling position 4 turns by what position 1 turned by.
TEST(ConfigTest, LinearScalingDividesTheFrequencies) {
  const std::string factor = "llama.rope.scaling.factor", type = "llama.rope.scaling.type";
  const auto fastest = [](const PatchedModel& model) { return read_config(model.file()).inverse_frequencies.at(0); };
  EXPECT_EQ(fastest(PatchedModel()), 1);
  EXPECT_EQ(fastest(PatchedModel().add(type, "linear").add(factor, 4.0f)), 0.25);
  EXPECT_EQ(fastest(PatchedModel().add(factor, 4.0f)), 0.25);
  EXPECT_EQ(fastest(PatchedModel().add("llama.rope.scale_linear", 2.0f)), 0.5);
  EXPECT_EQ(fastest(PatchedModel().add(type, "none").add(factor, 4.0f)), 1);
  expect_refusal(PatchedModel().add(type, "yarn").add(factor, 4.0f), ErrorKind::kUnsupported, "none, linear");
  expect_refusal(PatchedModel().add(type, "linear").add(factor, 0.0f), ErrorKind::kBadFile, "rope.scaling.factor");
}

TEST(ConfigTest, RefusesOtherArchitectures) {
  expect_refusal(PatchedModel().text("llama", "camel"), ErrorKind::kUnsupported, "these work: llama, qwen2, qwen3");
}

TEST(ConfigTest, RefusesNumbersThatContradictEachOther) {
  expect_refusal(PatchedModel().value("llama.attention.head_count_kv", 3u), ErrorKind::kBadFile, "head_count");
  expect_refusal(PatchedModel().value("llama.block_count", 0u), ErrorKind::kBadFile, "block_count = 0");
  expect_refusal(PatchedModel().value("llama.embedding_length", 1u << 30), ErrorKind::kBadFile, "embedding_length");
  expect_refusal(PatchedModel().value("llama.rope.dimension_count", 18u), ErrorKind::kBadFile, "dimension_count");
  expect_refusal(PatchedModel().value("llama.rope.dimension_count", 15u), ErrorKind::kBadFile, "dimension_count");
  expect_refusal(PatchedModel().value("llama.rope.freq_base", 0.5f), ErrorKind::kBadFile, "freq_base");
}

}  // namespace
}  // namespace leankv::testing
