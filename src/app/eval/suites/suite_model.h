// How a suite's texts become tokens of the model under test, whether it knows a chat's roles or not.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/gguf.h"
#include "model/chat_template.h"
#include "model/config.h"
#include "model/tokenizer.h"

namespace leankv {

using SuiteMessages = nlohmann::ordered_json;  // array of {"role", "content"}

class SuiteModel {
 public:
  explicit SuiteModel(const std::string& path);

  const Tokenizer& tokenizer() const { return tokenizer_; }
  const ModelConfig& config() const { return config_; }
  int context() const;  // tokens: the model's, at most kDefaultContext
  bool chats() const { return template_.has_value(); }
  std::string file_name() const;
  std::string label() const;  // file name and size: which file a result is of

  // The text of a conversation that the model is to answer; without a template its contents, one below the other.
  std::string render(const SuiteMessages& messages) const;
  // Special tokens count in what came from render(). `begins`: with the model's first token where it wants one.
  std::vector<int> encode(std::string_view rendered, bool begins) const;
  // Text outside of a chat, in which no token is special.
  std::vector<int> encode_text(std::string_view text, bool begins) const;

 private:
  GgufFile file_;
  ModelConfig config_;
  Tokenizer tokenizer_;
  std::optional<ChatTemplate> template_;
};

// The pieces of a text around marks that stand in it once each, in this order. REQUIRES that they do.
std::vector<std::string> split_at_marks(std::string_view text, const std::vector<std::string>& marks);

}  // namespace leankv
