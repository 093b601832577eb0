// One head's part of a recode (recode.h): what leaves its lists is copied out, then appended where it was judged to.
#pragma once

#include <array>
#include <vector>

#include "backend/recode.h"
#include "kv/page_view.h"

namespace leankv {

inline constexpr int8_t kDropped = -1;

// Rows that leave a list, copied out so that their pages can be returned first.
struct StagedList {
  PageLayout layout;
  std::vector<std::byte> pages;
  std::vector<int8_t> to;      // [tokens] the list each goes to, or kDropped
  std::vector<int> positions;  // [tokens] where the sequence keeps them

  PageView page_of(int token) {
    return PageView(layout, pages.data() + std::size_t(token / layout.tokens) * layout.page_bytes);
  }
};

struct HeadMoves {
  std::vector<StagedList> staged;
  std::vector<PageId> emptied;
  std::array<uint32_t, kMaxLists> arriving{};

  uint32_t pages_needed(const KvCache& cache, const SequenceState& sequence, const HeadTable& table) const {
    uint32_t pages = 0;
    for (int list = 0; list < sequence.lists(); ++list) {
      const uint32_t n = uint32_t(cache.layout(sequence.list_tier[list]).tokens);
      pages += (table.tokens[list] + arriving[list] + n - 1) / n - (table.tokens[list] + n - 1) / n;
    }
    return pages;
  }
};

class HeadRecoder {
 public:
  HeadRecoder(KvCache& cache, const RecodeJob& job, int index)
      : cache_(cache),
        job_(job),
        sequence_(cache.state(job.slot)),
        table_(sequence_.heads[index]),
        positions_(sequence_.positions.empty() ? nullptr : &sequence_.positions[index]),
        index_(index) {}

  // Takes the leavers out of every list; what stays is packed and the emptied pages are listed.
  HeadMoves take_out();
  // Appends the staged rows to their lists on pages from the slice of the ring that starts at first_free.
  void put_in(HeadMoves& moves, uint32_t first_free);

 private:
  const PageLayout& layout_of(int list) const { return cache_.layout(sequence_.list_tier[list]); }

  // The list a token goes to; tier index i is list i + 1.
  int8_t choose(int list, uint16_t significance) const;
  void take_out_of_judged(int list, HeadMoves& moves);
  void stage(StagedList& staged, const PageView& from, int token, int8_t to, HeadMoves& moves);
  // The fresh list is rebuilt: its pages are copied out whole, those that stay go back in order.
  void take_out_of_fresh(HeadMoves& moves);
  // Also notes how many queries have seen the token: what decode continues from.
  int8_t judge_fresh(StagedList& staged, int token, int queries);
  void shrink(int list, int tokens, HeadMoves& moves);
  // Returns the next free index of the slice.
  uint32_t append(StagedList& staged, int token, int list, uint32_t next_free);

  KvCache& cache_;
  const RecodeJob& job_;
  SequenceState& sequence_;
  HeadTable& table_;
  HeadPositions* positions_;  // nullptr where they are not kept
  int index_;
  std::array<PageId, kMaxLists> last_page_{};  // of each list, in bag order
};

}  // namespace leankv
