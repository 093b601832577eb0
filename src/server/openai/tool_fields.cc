// Messages and tools of a chat request.
#include <algorithm>

#include "server/openai/generation_request.h"

namespace leankv {
namespace {

std::string place(const char* list, std::size_t i) { return std::string(list) + "[" + std::to_string(i) + "]"; }

// Texts of the parts, one per line, as vLLM and llama-server put them together.
std::string text_of_parts(const Json& parts, const Fields& message) {
  std::string text;
  for (const Json& part : parts) {
    if (!part.is_object()) message.refuse("content", "must be a text or a list of parts");
    const Fields f(part, message.path("content"));
    if (const std::string type = f.text("type"); type != "text" && type != "input_text") {
      f.refuse("type", "is '" + type + "': this model reads text only");
    }
    text += (text.empty() ? "" : "\n") + f.text("text");
  }
  return text;
}

void check_calls(const Fields& message) {
  const Json* calls = message.list("tool_calls");
  if (calls == nullptr) return;
  for (std::size_t i = 0; i < calls->size(); ++i) {
    if (!(*calls)[i].is_object()) message.refuse("tool_calls", "must be a list of objects");
    const auto function = Fields((*calls)[i], message.path("tool_calls")).object("function");
    if (!function) message.refuse("tool_calls", "needs a 'function' in each call");
    function->text("name");
  }
}

Json read_message(const Fields& f) {
  constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool", "function"};
  Json message = f.json();
  const std::string role = f.text("role");
  if (std::ranges::count(kRoles, role) == 0) f.refuse("role", "is none of system, developer, user, assistant, tool");
  if (role == "developer") message["role"] = "system";
  if (role == "function") message["role"] = "tool";
  const Json* content = f.find("content");
  check_calls(f);
  if (content == nullptr) {
    if (role != "assistant") f.refuse("content", "is missing");
    message["content"] = "";
  } else if (content->is_array()) {
    message["content"] = text_of_parts(*content, f);
  } else {
    message["content"] = f.text("content");
  }
  if (message.contains("tool_calls") && (message["tool_calls"].is_null() || message["tool_calls"].empty())) {
    message.erase("tool_calls");
  }
  return message;
}

ToolFunction read_tool(const Fields& tool) {
  if (tool.text("type", "function") != "function") tool.refuse("type", "must be function");
  const auto function = tool.object("function");
  if (!function) tool.refuse("function", "is missing");
  const auto parameters = function->object("parameters");
  return {function->text("name"), parameters ? parameters->json() : Json{{"type", "object"}}};
}

// The name that {"type":"function","function":{"name"}} gives.
std::string chosen_name(const Fields& f) {
  const auto choice = f.object("tool_choice");
  const auto function = choice->object("function");
  return function ? function->text("name") : choice->text("name");
}

}  // namespace

Json read_messages(const Fields& f) {
  const Json* list = f.list("messages");
  if (list == nullptr || list->empty()) f.refuse("messages", "is missing or empty");
  Json messages = Json::array();
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_object()) f.refuse("messages", "must be a list of objects");
    messages.push_back(read_message(Fields((*list)[i], place("messages", i))));
  }
  return messages;
}

ToolChoice read_tools(const Fields& f) {
  ToolChoice choice;
  const Json* tools = f.list("tools");
  const Json* wanted = f.find("tool_choice");
  const std::string word = wanted == nullptr ? "auto" : wanted->is_string() ? wanted->get<std::string>() : "";
  if (tools == nullptr || tools->empty()) {
    if (word != "auto" && word != "none") f.refuse("tool_choice", "needs 'tools'");
    return choice;
  }
  for (std::size_t i = 0; i < tools->size(); ++i) {
    if (!(*tools)[i].is_object()) f.refuse("tools", "must be a list of objects");
    const Fields tool((*tools)[i], place("tools", i));
    choice.functions.push_back(read_tool(tool));
    choice.strict |= tool.object("function")->flag("strict", false);
  }
  choice.parallel = f.flag("parallel_tool_calls", true);
  if (word == "none") return {};
  choice.tools = *tools;
  choice.must_call = word == "required" || word.empty();
  if (word.empty()) {
    const std::string name = chosen_name(f);
    std::erase_if(choice.functions, [&](const ToolFunction& tool) { return tool.name != name; });
    if (choice.functions.empty()) f.refuse("tool_choice", "names '" + name + "', which is none of the tools");
    choice.parallel = false;
  } else if (word != "auto" && word != "required") {
    f.refuse("tool_choice", "must be auto, none, required or a function");
  }
  return choice;
}

std::unique_ptr<TokenMask> mask_of(const ToolChoice& choice, const ServedModel& model) {
  const CallForm& form = model.tool_form().call;
  std::string key = choice.must_call ? "calls" : "text with calls";
  key += choice.parallel ? " +" : " 1";
  for (const ToolFunction& f : choice.functions) key += " " + f.name + f.parameters.dump();
  const auto make = [&] {
    return choice.must_call ? calls_automaton(choice.functions, form, choice.parallel)
                            : text_with_calls_automaton(choice.functions, form, choice.parallel);
  };
  if (choice.must_call || choice.strict) return std::make_unique<GrammarMask>(model.grammars().get(key, make));
  if (form.begin.empty()) return nullptr;  // nothing tells free text from a call
  try {
    return std::make_unique<GrammarMask>(model.grammars().get(key, make));
  } catch (const Error&) {
    return nullptr;  // nobody asked for arguments that keep to a schema with such keywords
  }
}

}  // namespace leankv
