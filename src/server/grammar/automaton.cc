#include "server/grammar/automaton.h"

#include <algorithm>

#include "base/error.h"

namespace leankv {

NodeId AutomatonBuilder::add_node() {
  if (int(edges_.size()) >= kMostNodes) {
    throw Error(ErrorKind::kBadRequest, "the schema is too large: its automaton has more than " +
                                            std::to_string(kMostNodes) + " states; lower its lengths and counts");
  }
  edges_.emplace_back();
  return NodeId(edges_.size()) - 1;
}

RuleId AutomatonBuilder::add_rule() {
  const NodeId first = add_node(), last = add_node();
  rules_.push_back({first, last});
  return RuleId(rules_.size()) - 1;
}

NodeId AutomatonBuilder::text(NodeId from, std::string_view text) {
  for (char c : text) from = bytes(from, uint8_t(c), uint8_t(c));
  return from;
}

NodeId AutomatonBuilder::bytes(NodeId from, uint8_t low, uint8_t high) {
  const NodeId to = add_node();
  bytes(from, low, high, to);
  return to;
}

NodeId AutomatonBuilder::call(NodeId from, RuleId rule) {
  const NodeId to = add_node();
  call(from, rule, to);
  return to;
}

bool AutomatonBuilder::edge_completes(const Edge& edge) const {
  return completes_[edge.to] != 0 && (edge.kind != kCall || completes_[start(edge.rule)] != 0);
}

// The least fixed point: ends complete, and so does what leads to it by rules that do.
void AutomatonBuilder::find_completable() {
  completes_.assign(edges_.size(), 0);
  for (const Rule& rule : rules_) completes_[rule.end] = 1;
  for (bool changed = true; changed;) {
    changed = false;
    for (NodeId n = NodeId(edges_.size()) - 1; n >= 0; --n) {
      if (completes_[n] != 0) continue;
      completes_[n] = std::ranges::any_of(edges_[n], [&](const Edge& e) { return edge_completes(e); });
      changed |= completes_[n] != 0;
    }
  }
}

void AutomatonBuilder::trim() {
  for (auto& edges : edges_) std::erase_if(edges, [&](const Edge& e) { return !edge_completes(e); });
}

void AutomatonBuilder::find_empty() {
  empty_.assign(edges_.size(), 0);
  for (const Rule& rule : rules_) empty_[rule.end] = 1;
  for (bool changed = true; changed;) {
    changed = false;
    for (NodeId n = NodeId(edges_.size()) - 1; n >= 0; --n) {
      if (empty_[n] != 0) continue;
      empty_[n] = std::ranges::any_of(edges_[n], [&](const Edge& e) {
        return empty_[e.to] != 0 && (e.kind == kSkip || (e.kind == kCall && empty_[start(e.rule)] != 0));
      });
      changed |= empty_[n] != 0;
    }
  }
}

// Collects the arcs that leave `node` without a byte taken, through calls and skips.
void AutomatonBuilder::walk(NodeId node, Automaton& automaton) {
  if (std::ranges::count(visit_.seen.back(), node) > 0) return;
  visit_.seen.back().push_back(node);
  for (const Edge& e : edges_[node]) {
    if (e.kind == kSkip) {
      walk(e.to, automaton);
    } else if (e.kind == kBytes) {
      automaton.arcs_.push_back(
          {e.low, e.high, e.to, int32_t(automaton.pushed_.size()), int32_t(visit_.returns.size())});
      automaton.pushed_.insert(automaton.pushed_.end(), visit_.returns.begin(), visit_.returns.end());
    } else {
      if (std::ranges::count(visit_.rules, e.rule) > 0) {
        throw Error(ErrorKind::kBadRequest, "the schema refers to itself without anything between");
      }
      visit_.rules.push_back(e.rule);
      visit_.returns.push_back(e.to);
      visit_.seen.emplace_back();
      walk(start(e.rule), automaton);
      visit_.seen.pop_back();
      visit_.returns.pop_back();
      visit_.rules.pop_back();
      if (empty_[start(e.rule)] != 0) walk(e.to, automaton);
    }
  }
}

Automaton AutomatonBuilder::finish(RuleId root) {
  find_completable();
  if (completes_[start(root)] == 0) {
    throw Error(ErrorKind::kBadRequest, "no JSON value at all satisfies the schema");
  }
  trim();
  find_empty();
  Automaton automaton;
  automaton.start_ = start(root);
  automaton.ends_ = empty_;
  for (NodeId n = 0; n < NodeId(edges_.size()); ++n) {
    automaton.first_arc_.push_back(automaton.arcs_.size());
    if (completes_[n] == 0) continue;
    visit_ = {};
    visit_.seen.emplace_back();
    walk(n, automaton);
  }
  automaton.first_arc_.push_back(automaton.arcs_.size());
  return automaton;
}

}  // namespace leankv
