// Steps of the automaton, and a walk over the tree of tokens.
#pragma once

#include <algorithm>

#include "server/grammar/grammar.h"

namespace leankv {

// Enters a place and those behind the rules that may end there.
inline void enter(const Automaton& automaton, const Stacks& stacks, Place place, std::vector<Place>& places) {
  while (std::ranges::find(places, place) == places.end()) {
    places.push_back(place);
    if (!automaton.ends(place.node) || place.stack == kBottom) return;
    place = {stacks[place.stack].back, stacks[place.stack].below};
  }
}

// The places after one more byte; empty: it does not fit.
inline void advance(const Automaton& automaton, Stacks& stacks, std::span<const Place> from, uint8_t byte,
                    std::vector<Place>& to) {
  to.clear();
  for (const Place& place : from) {
    for (const Arc& arc : automaton.arcs(place.node)) {
      if (byte < arc.low || byte > arc.high) continue;
      FrameId stack = place.stack;
      for (NodeId back : automaton.pushed(arc)) stack = stacks.push(back, stack);
      enter(automaton, stacks, {arc.to, stack}, to);
    }
  }
}

// Visits the entries [first, last) of the tree that fit when `levels[depth]` are the places before them, depth that of
// the first entry less one. visit(entry's index, places after it).
template <class Visit>
void walk_tokens(const Grammar& grammar, Stacks& stacks, std::vector<std::vector<Place>>& levels, int32_t first,
                 int32_t last, Visit&& visit) {
  const auto entries = grammar.tokens().entries();
  for (int32_t i = first; i < last;) {
    const TokenTree::Entry& entry = entries[i];
    std::vector<Place>& places = levels[entry.depth];
    advance(grammar.automaton(), stacks, levels[entry.depth - 1], entry.byte, places);
    if (places.empty()) {
      i = entry.end;
    } else {
      visit(i, places);
      ++i;
    }
  }
}

inline void allow_entry(const TokenTree& tokens, int32_t entry, std::span<uint64_t> allowed) {
  for (int t = tokens.entries()[entry].token; t >= 0; t = tokens.same_bytes(t)) {
    allowed[t / 64] |= uint64_t(1) << (t % 64);
  }
}

}  // namespace leankv
