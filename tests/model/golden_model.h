// The tiny models, the text and the logits that Hugging Face transformers computes (tools/make_model_goldens.py).
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace leankv::testing {

inline const std::string kGoldenFolder = LEANKV_GOLDEN_DIR "/";
inline constexpr int kGoldenVocabulary = 288;

struct GoldenModel {
  std::string name, file, logits;
};
inline const GoldenModel kGoldenModels[] = {
    {"tiny", "llama/tiny.gguf", "llama/logits.f32"},
    {"tiny2", "llama/tiny2.gguf", "llama/logits2.f32"},
    {"qwen2", "qwen/qwen2.gguf", "qwen/qwen2.f32"},
    {"qwen3", "qwen/qwen3.gguf", "qwen/qwen3.f32"},
};

inline std::vector<int> golden_tokens() {
  std::ifstream file(kGoldenFolder + "llama/tokens.txt");
  return {std::istream_iterator<int>(file), {}};
}

// [tokens, kGoldenVocabulary]
inline std::vector<float> golden_logits(const std::string& name, std::size_t tokens) {
  std::ifstream file(kGoldenFolder + name, std::ios::binary);
  std::vector<float> values(tokens * kGoldenVocabulary);
  file.read(reinterpret_cast<char*>(values.data()), std::streamsize(values.size() * sizeof(float)));
  EXPECT_TRUE(file.good());
  return values;
}

}  // namespace leankv::testing
