#include "app/prompt.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

constexpr const char* kTemplateKey = "tokenizer.chat_template";
constexpr const char* kChatMl =
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

}  // namespace

std::string chat_template_source(const Engine& engine, const AppOptions& options) {
  if (!options.chat_template_file.empty()) return read_file(options.chat_template_file);
  const std::string_view own = engine.file().string(kTemplateKey, "");
  if (!own.empty()) return std::string(own);
  const std::string lacking = engine.file().name() + ": no " + kTemplateKey;
  if (options.strict) throw Error(ErrorKind::kUnsupported, lacking + "; give --chat-template-file");
  fmt::print(stderr, "leankv: {}: using ChatML\n", lacking);
  return kChatMl;
}

void add_message(Messages& messages, std::string_view role, std::string_view content) {
  messages.push_back({{"role", role}, {"content", content}});
}

PromptWriter::PromptWriter(const Engine& engine, const AppOptions& options)
    : template_(chat_template_source(engine, options)),
      bos_(engine.tokenizer().special_text(engine.tokenizer().bos())),
      eos_(engine.tokenizer().special_text(engine.tokenizer().eos())) {}

std::string PromptWriter::render(const Messages& messages) const {
  return render_chat(template_, {.messages = messages}, bos_, eos_);
}

}  // namespace leankv
