// The parts of JSON as rules of an automaton (RFC 8259).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/grammar/automaton.h"

namespace leankv {

// Makes each rule once, when it is first asked for. What is unbounded in JSON but of no use in an answer is bounded, so
// that a model cannot lose itself in it: white space to a line break and an indentation, numbers to what a double
// holds. Every text is JSON all the same.
class JsonRules {
 public:
  explicit JsonRules(AutomatonBuilder& builder) : builder_(builder) {}

  RuleId white_space();
  RuleId character();       // of a string: one code point, escaped or not
  RuleId wide_character();  // outside ASCII, as UTF-8
  RuleId string();          // any, with its quotes
  RuleId integer();
  RuleId number();
  RuleId value();  // any
  RuleId object();
  RuleId array();

  // Draw into the graph from a node and return where they end.
  NodeId digits(NodeId from, int least, int most);
  // `rule` from least to most times, most < 0: without end.
  NodeId repeat(NodeId from, RuleId rule, int least, int most);
  // A string that is none of `names`; only of characters that are written as they are, so that it has one spelling.
  RuleId other_key(const std::vector<std::string>& names);
  // A name and its value. REQUIRES that `value` is a rule.
  RuleId member(RuleId key, RuleId value);
  // "{" members "}" of any number, or "[" elements "]".
  RuleId list(char open, RuleId element, char close);

  AutomatonBuilder& builder() { return builder_; }

 private:
  void plain_bytes(NodeId from, NodeId to, std::string_view but);
  void escapes(NodeId from, NodeId to);

  AutomatonBuilder& builder_;
  std::optional<RuleId> white_space_, character_, wide_character_, string_, integer_, number_, value_, object_, array_;
};

}  // namespace leankv
