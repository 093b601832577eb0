#include "server/grammar/compile.h"

#include <algorithm>

#include "base/error.h"

namespace leankv {
namespace {

RuleId call_rule(JsonRules& rules, const ToolFunction& tool, const CallForm& form) {
  AutomatonBuilder& b = rules.builder();
  const RuleId rule = b.add_rule();
  JsonSchema parameters(rules, tool.parameters);
  const RuleId arguments = [&] {
    try {
      return parameters.rule();
    } catch (const Error& error) {
      throw Error(error.kind(), "tool '" + tool.name + "': " + error.what());
    }
  }();
  const RuleId space = rules.white_space();
  NodeId at = b.call(b.text(b.start(rule), "{"), space);
  at = b.text(b.call(b.text(at, "\"name\":"), space), Json(tool.name).dump());
  at = b.call(b.text(at, ","), space);
  at = b.call(b.text(at, Json(form.arguments).dump() + ":"), space);
  at = b.text(b.call(b.call(at, arguments), space), "}");
  b.skip(at, b.end(rule));
  return rule;
}

RuleId any_call(JsonRules& rules, const std::vector<ToolFunction>& tools, const CallForm& form) {
  const RuleId rule = rules.builder().add_rule();
  for (const ToolFunction& tool : tools) {
    rules.builder().call(rules.builder().start(rule), call_rule(rules, tool, form), rules.builder().end(rule));
  }
  return rule;
}

// Nodes for every beginning of `word` that a text may end with; a byte leads to the longest beginning that then fits
// (Knuth, Morris, Pratt 1977). Returns the node behind the word.
NodeId draw_text_until(AutomatonBuilder& b, NodeId from, NodeId end, std::string_view word) {
  std::vector<NodeId> seen = {from};  // [bytes of the word that have been read]
  for (std::size_t i = 1; i < word.size(); ++i) seen.push_back(b.add_node());
  const NodeId found = b.add_node();
  for (std::size_t have = 0; have < word.size(); ++have) {
    b.skip(seen[have], end);
    for (int c = 0; c < 256; ++c) {
      const std::string text = std::string(word.substr(0, have)) + char(c);
      std::size_t n = std::min(text.size(), word.size());
      while (n > 0 && !text.ends_with(word.substr(0, n))) --n;
      b.bytes(seen[have], uint8_t(c), uint8_t(c), n == word.size() ? found : seen[n]);
    }
  }
  return found;
}

}  // namespace

Automaton schema_automaton(const Json& schema) {
  AutomatonBuilder builder;
  JsonRules rules(builder);
  JsonSchema reader(rules, schema);
  return builder.finish(reader.rule());
}

Automaton calls_automaton(const std::vector<ToolFunction>& tools, const CallForm& form, bool parallel) {
  AutomatonBuilder b;
  JsonRules rules(b);
  const RuleId root = b.add_rule(), one = any_call(rules, tools, form);
  const RuleId space = rules.white_space();
  const NodeId inside = form.begin.empty() ? b.start(root) : b.call(b.text(b.start(root), form.begin), space);
  const NodeId written = b.call(inside, one);
  const NodeId after = form.end.empty() ? written : b.text(b.call(written, space), form.end);
  b.skip(after, b.end(root));
  if (parallel && !form.begin.empty()) b.skip(b.call(after, space), b.start(root));
  return b.finish(root);
}

Automaton text_with_calls_automaton(const std::vector<ToolFunction>& tools, const CallForm& form, bool parallel) {
  AutomatonBuilder b;
  JsonRules rules(b);
  const RuleId root = b.add_rule(), one = any_call(rules, tools, form);
  const RuleId space = rules.white_space();
  const NodeId found = draw_text_until(b, b.start(root), b.end(root), form.begin);
  const NodeId after = b.text(b.call(b.call(b.call(found, space), one), space), form.end);
  b.skip(after, b.end(root));
  if (parallel) b.skip(after, b.start(root));
  return b.finish(root);
}

std::shared_ptr<const Grammar> GrammarCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(kept_, key, &std::pair<std::string, std::shared_ptr<const Grammar>>::first);
  if (found == kept_.end()) return nullptr;
  std::rotate(kept_.begin(), found, found + 1);
  return kept_.front().second;
}

std::shared_ptr<const Grammar> GrammarCache::keep(const std::string& key, std::shared_ptr<const Grammar> grammar) {
  const std::lock_guard lock(mutex_);
  kept_.emplace_front(key, grammar);
  if (kept_.size() > kMostKept) kept_.pop_back();
  return grammar;
}

}  // namespace leankv
