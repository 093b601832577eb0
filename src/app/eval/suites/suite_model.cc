#include "app/eval/suites/suite_model.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "engine/options.h"
#include "model/vocabulary.h"

namespace leankv {
namespace {

std::optional<ChatTemplate> template_of(const GgufFile& file) {
  const std::string_view source = file.string("tokenizer.chat_template", "");
  if (source.empty()) return std::nullopt;
  return ChatTemplate(source);
}

}  // namespace

SuiteModel::SuiteModel(const std::string& path)
    : file_(path), config_(read_config(file_)), tokenizer_(read_vocabulary(file_)), template_(template_of(file_)) {}

int SuiteModel::context() const { return std::min(config_.context, kDefaultContext); }

std::string SuiteModel::file_name() const { return std::filesystem::path(file_.name()).filename(); }

std::string SuiteModel::label() const { return file_name() + ", " + std::to_string(file_.size_bytes()) + " bytes"; }

std::string SuiteModel::render(const SuiteMessages& messages) const {
  if (template_) {
    return render_chat(*template_, {.messages = messages}, tokenizer_.special_text(tokenizer_.bos()),
                       tokenizer_.special_text(tokenizer_.eos()));
  }
  std::string text;
  for (const auto& message : messages) text += message.at("content").get<std::string>() + "\n\n";
  return text;
}

std::vector<int> SuiteModel::encode(std::string_view rendered, bool begins) const {
  return chats() ? tokenizer_.encode(rendered, true, begins) : encode_text(rendered, begins);
}

std::vector<int> SuiteModel::encode_text(std::string_view text, bool begins) const {
  std::vector<int> tokens = tokenizer_.encode(text, false, begins);
  if (begins && tokenizer_.adds_bos()) tokens.insert(tokens.begin(), tokenizer_.bos());
  return tokens;
}

std::vector<std::string> split_at_marks(std::string_view text, const std::vector<std::string>& marks) {
  std::vector<std::string> pieces;
  for (const std::string& mark : marks) {
    const std::size_t at = text.find(mark);
    LEANKV_CHECK(at != text.npos);
    pieces.emplace_back(text.substr(0, at));
    text.remove_prefix(at + mark.size());
  }
  pieces.emplace_back(text);
  return pieces;
}

}  // namespace leankv
