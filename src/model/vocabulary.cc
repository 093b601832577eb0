#include "model/vocabulary.h"

#include <string_view>

#include "base/error.h"

namespace leankv {
namespace {

std::vector<std::string> texts(const GgufFile& file, std::string_view key) {
  const std::vector<std::string_view> views = file.strings(key);
  return {views.begin(), views.end()};
}

int token_id(const GgufFile& file, std::string_view key, std::size_t size, int fallback = -1) {
  const int64_t id = file.integer(key, fallback);
  if (id >= int64_t(size) || id < -1) {
    throw Error(ErrorKind::kBadFile, file.name() + ": " + std::string(key) + " is " + std::to_string(id) +
                                         ", but the vocabulary has " + std::to_string(size) + " tokens");
  }
  return int(id);
}

}  // namespace

Vocabulary read_vocabulary(const GgufFile& file) {
  Vocabulary v;
  v.model = file.string("tokenizer.ggml.model");
  v.pre = file.string("tokenizer.ggml.pre", "");
  v.tokens = texts(file, "tokenizer.ggml.tokens");
  if (file.find("tokenizer.ggml.merges") != nullptr) v.merges = texts(file, "tokenizer.ggml.merges");
  if (file.find("tokenizer.ggml.scores") != nullptr) {
    for (double score : file.numbers("tokenizer.ggml.scores")) v.scores.push_back(float(score));
  }
  if (file.find("tokenizer.ggml.token_type") != nullptr) {
    for (int64_t type : file.integers("tokenizer.ggml.token_type")) v.types.push_back(int32_t(type));
  }
  // SentencePiece's own ids where the file names none: 0 is unknown, 1 begins, 2 ends.
  const bool has_own_ids = v.is_sentencepiece() && v.tokens.size() > 2;
  v.bos = token_id(file, "tokenizer.ggml.bos_token_id", v.tokens.size(), has_own_ids ? 1 : -1);
  v.eos = token_id(file, "tokenizer.ggml.eos_token_id", v.tokens.size(), has_own_ids ? 2 : -1);
  v.eot = token_id(file, "tokenizer.ggml.eot_token_id", v.tokens.size());
  v.add_bos = file.boolean("tokenizer.ggml.add_bos_token", has_own_ids);
  v.add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix", true);
  if (file.boolean("tokenizer.ggml.remove_extra_whitespaces", false)) {
    throw Error(ErrorKind::kUnsupported, file.name() + ": a tokeniser that removes white space is not supported");
  }
  return v;
}

}  // namespace leankv
