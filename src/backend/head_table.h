// The memory of one (sequence, layer, KV head): a bag of page references and how many tokens each list holds.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kv/page_ref.h"

namespace leankv {

// Owned by the KvCache. Invariants: 1. the pages of a list are full but for the last one in bag order;
// 2. a list without tokens has no page.
struct HeadTable {
  std::vector<PageRef> bag;
  std::array<uint32_t, kMaxLists> tokens{};

  int total_tokens() const {
    int total = 0;
    for (uint32_t n : tokens) total += int(n);
    return total;
  }
  // Tokens of all lists but the fresh one. Where tokens are numbered, these come first, list by list.
  int judged_tokens() const { return total_tokens() - int(tokens[kFreshList]); }

  // Calls fn(page, tokens in it) for the pages of a list, in bag order.
  template <class Fn>
  void for_each_page(int list, int tokens_per_page, Fn&& fn) const {
    int left = int(tokens[list]);
    for (PageRef ref : bag) {
      if (ref.list() != list) continue;
      fn(ref.page(), left < tokens_per_page ? left : tokens_per_page);
      left -= tokens_per_page;
    }
  }
  // Calls fn(reference) list by list, the fresh one last: the order in which pages change hands, on every backend.
  template <class Fn>
  void for_each_ref(Fn&& fn) {
    for (int i = 1; i <= kMaxLists; ++i) {
      const int list = i < kMaxLists ? i : kFreshList;
      for (PageRef& ref : bag) {
        if (ref.list() == list) fn(ref);
      }
    }
  }
  std::vector<PageId> pages_of(int list) const {
    std::vector<PageId> pages;
    for (PageRef ref : bag) {
      if (ref.list() == list) pages.push_back(ref.page());
    }
    return pages;
  }
};

}  // namespace leankv
