// How the model's chat template writes tools and calls.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/grammar/compile.h"

namespace leankv {

struct ToolForm {
  enum class Kind {
    kHermes,   // <tool_call>{"name", "arguments"}</tool_call>: Hermes, Qwen and others
    kLlama3,   // the whole answer is {"name", "parameters"}
    kGeneric,  // the template knows no tools: Hermes' form, explained in the system message
  };
  Kind kind = Kind::kGeneric;
  CallForm call;
};

ToolForm tool_form_of(std::string_view template_source);

// Messages and tools as the template takes them: calls' arguments as objects, and for kGeneric all of it as text.
void adapt_messages(Json& messages, Json& tools, const ToolForm& form);

struct ToolCall {
  std::string name;
  std::string arguments;  // JSON
};

// Finds calls in an answer that comes in pieces.
class ToolCallReader {
 public:
  explicit ToolCallReader(ToolForm form) : form_(std::move(form)) {}

  struct Found {
    std::string text;  // that belongs to no call
    std::vector<ToolCall> calls;
  };
  Found push(std::string_view piece);
  Found finish();  // what was held back; a call that is not whole stays text

 private:
  void read_marked(Found& found);

  ToolForm form_;
  std::string held_;
  bool text_seen_ = false;  // so that white space before and between calls can be left out
};

// A call as {"name", "arguments" or "parameters"}; none where the text is something else.
std::optional<ToolCall> parse_call(std::string_view text);

}  // namespace leankv
