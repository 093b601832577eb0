// Grammars from what requests carry.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "server/grammar/grammar.h"
#include "server/grammar/json_schema.h"

namespace leankv {

// A function that the model may call.
struct ToolFunction {
  std::string name;
  Json parameters;  // JSON Schema of its arguments, an object
};

// How a call is written: `begin` {"name": ..., "<arguments>": {...}} `end`, with white space between.
struct CallForm {
  std::string begin, end;
  std::string arguments = "arguments";
};

Automaton schema_automaton(const Json& schema);  // throws kBadRequest, see JsonSchema
// One call, or several where `parallel`, of these functions and nothing else.
Automaton calls_automaton(const std::vector<ToolFunction>& tools, const CallForm& form, bool parallel);
// Any text; where form.begin appears, a call follows. REQUIRES form.begin is not empty.
Automaton text_with_calls_automaton(const std::vector<ToolFunction>& tools, const CallForm& form, bool parallel);

// Keeps the last grammars: requests repeat them, and one that has been used has its masks already. Thread-safe.
class GrammarCache {
 public:
  explicit GrammarCache(std::shared_ptr<const TokenTree> tokens) : tokens_(std::move(tokens)) {}

  // make: called where there is none under `key`, which names everything that it depends on.
  template <class Make>
  std::shared_ptr<const Grammar> get(const std::string& key, Make&& make) {
    if (auto found = find(key)) return found;
    return keep(key, std::make_shared<Grammar>(make(), tokens_));
  }

 private:
  static constexpr std::size_t kMostKept = 32;
  std::shared_ptr<const Grammar> find(const std::string& key);
  std::shared_ptr<const Grammar> keep(const std::string& key, std::shared_ptr<const Grammar> grammar);

  std::shared_ptr<const TokenTree> tokens_;
  std::mutex mutex_;
  std::deque<std::pair<std::string, std::shared_ptr<const Grammar>>> kept_;  // last used first
};

}  // namespace leankv
