// Byte pair encoding of one piece: neighbours merge, best pair first, until no pair is in the table.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace leankv {

// Read-only after the last add, so usable from several threads, each with its own Scratch.
class MergeTable {
 public:
  struct Symbol {
    int id;
    int previous, next;  // places, -1 at the ends
    bool merged_away;
  };
  struct Candidate {
    int rank;  // place in the file: lower merges first
    int at;    // place of the left symbol: on equal rank the leftmost merges first
    int id;    // of the merged token
  };
  struct Scratch {  // kept from piece to piece to save allocations
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // On a pair that was added before, the later rank holds, as in the tokenizers package.
  void add(int left, int right, int merged, int rank);
  // Appends the tokens of a piece given as the tokens of its bytes. Takes n log n steps.
  void apply(std::span<const int> bytes, Scratch& scratch, std::vector<int>& out) const;

 private:
  struct Merge {
    int rank;
    int id;
  };
  static uint64_t key(int left, int right) { return (uint64_t(uint32_t(left)) << 32) | uint32_t(right); }
  const Merge* find(int left, int right) const;
  void push(Scratch& scratch, int at) const;
  void merge(Scratch& scratch, const Candidate& best) const;

  std::unordered_map<uint64_t, Merge> merges_;
};

}  // namespace leankv
