#include "model/tokenizer_merges.h"

#include <algorithm>
#include <tuple>

namespace leankv {
namespace {

bool is_worse(const MergeTable::Candidate& a, const MergeTable::Candidate& b) {
  return std::tie(a.rank, a.at) > std::tie(b.rank, b.at);
}

}  // namespace

void MergeTable::add(int left, int right, int merged, int rank) { merges_[key(left, right)] = {rank, merged}; }

const MergeTable::Merge* MergeTable::find(int left, int right) const {
  const auto found = merges_.find(key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

// Offers the pair of the symbol and its successor, if there is one.
void MergeTable::push(Scratch& scratch, int at) const {
  const Symbol& symbol = scratch.symbols[std::size_t(at)];
  if (symbol.next < 0) return;
  const Merge* merge = find(symbol.id, scratch.symbols[std::size_t(symbol.next)].id);
  if (merge == nullptr) return;
  scratch.heap.push_back({merge->rank, at, merge->id});
  std::push_heap(scratch.heap.begin(), scratch.heap.end(), is_worse);
}

// Does nothing when one of the two symbols has changed since the candidate was offered.
void MergeTable::merge(Scratch& scratch, const Candidate& best) const {
  Symbol& left = scratch.symbols[std::size_t(best.at)];
  if (left.merged_away || left.next < 0) return;
  Symbol& right = scratch.symbols[std::size_t(left.next)];
  const Merge* now = find(left.id, right.id);
  if (now == nullptr || now->id != best.id) return;
  left.id = best.id;
  left.next = right.next;
  right.merged_away = true;
  if (left.next >= 0) scratch.symbols[std::size_t(left.next)].previous = best.at;
  if (left.previous >= 0) push(scratch, left.previous);
  push(scratch, best.at);
}

void MergeTable::apply(std::span<const int> bytes, Scratch& scratch, std::vector<int>& out) const {
  if (bytes.empty()) return;
  scratch.heap.clear();
  scratch.symbols.clear();
  const int n = int(bytes.size());
  for (int i = 0; i < n; ++i) scratch.symbols.push_back({bytes[std::size_t(i)], i - 1, i + 1 < n ? i + 1 : -1, false});
  for (int i = 0; i < n; ++i) push(scratch, i);
  while (!scratch.heap.empty()) {
    std::pop_heap(scratch.heap.begin(), scratch.heap.end(), is_worse);
    const Candidate best = scratch.heap.back();
    scratch.heap.pop_back();
    merge(scratch, best);
  }
  for (int at = 0; at >= 0; at = scratch.symbols[std::size_t(at)].next)
    out.push_back(scratch.symbols[std::size_t(at)].id);
}

}  // namespace leankv
