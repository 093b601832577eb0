// JSON Schema as a grammar.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "server/grammar/json_rules.h"

namespace leankv {

using Json = nlohmann::ordered_json;

// Draws a schema's rules into an automaton. Every text of the rule satisfies the schema; not every value that satisfies
// it is a text of the rule: properties come in the order in which the schema names them, others only where
// additionalProperties allows them in so many words, numbers and white space are bounded (JsonRules).
//
// Throws kBadRequest, naming the keyword and its place, for a keyword that it does not hold to, and for a schema that
// is none.
class JsonSchema {
 public:
  JsonSchema(JsonRules& rules, const Json& root) : rules_(rules), root_(root) {}

  RuleId rule() { return rule_of(root_, "#"); }

 private:
  RuleId rule_of(const Json& schema, const std::string& place);
  RuleId reference(const Json& schema, const std::string& place);
  RuleId alternatives(const Json& list, const std::string& place);
  RuleId constants(const std::vector<Json>& values, const Json& schema, const std::string& place);
  RuleId typed(const std::string& type, const Json& schema, const std::string& place);
  RuleId string_rule(const Json& schema, const std::string& place);
  RuleId integer_rule(const Json& schema, const std::string& place);
  RuleId object_rule(const Json& schema, const std::string& place);
  RuleId array_rule(const Json& schema, const std::string& place);
  RuleId element_rule(const Json& schema, std::size_t index, const std::string& place);
  RuleId key_rule(const std::string& name);

  JsonRules& rules_;
  const Json& root_;
  std::map<std::string, RuleId> references_;  // by pointer; entered before they are drawn, so that they may recur
  int depth_ = 0;
};

}  // namespace leankv
