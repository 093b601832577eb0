#include "backend/recode.h"

#include <algorithm>
#include <cstring>

#include "kv/page_view.h"
#include "kv/quantise.h"

namespace leankv {
namespace {

constexpr int8_t kDropped = -1;

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

void copy_row(const PageView& from, int from_token, PageView& to, int to_token) {
  StoredRow row;
  from.read_key(from_token, row);
  to.write_key(to_token, row);
  from.read_value(from_token, row);
  to.write_value(to_token, row);
  to.set_significance(to_token, from.significance(from_token));
}

// Re-encodes one side unless the codec stays.
void convert(CodecId from, CodecId to, int head_dim, StoredRow& row) {
  if (from == to) return;
  float x[kMaxHeadDim];
  decode_row(from, row.codes, row.scales, head_dim, x);
  encode_row(to, x, head_dim, row.codes, row.scales);
}

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
  HeadMoves take_out() {
    HeadMoves moves;
    for (int list = 1; list < sequence_.lists(); ++list) take_out_of_judged(list, moves);
    take_out_of_fresh(moves);
    return moves;
  }

  // Appends the staged rows to their lists on pages from the slice of the ring that starts at first_free.
  void put_in(HeadMoves& moves, uint32_t first_free) {
    for (StagedList& staged : moves.staged) {
      for (int t = 0; t < int(staged.to.size()); ++t) {
        if (staged.to[t] != kDropped) first_free = append(staged, t, staged.to[t], first_free);
      }
    }
  }

 private:
  const PageLayout& layout_of(int list) const { return cache_.layout(sequence_.list_tier[list]); }

  // The list a token goes to; tier index i is list i + 1.
  int8_t choose(int list, uint16_t significance) const {
    const HeadThresholds& thresholds = job_.thresholds[index_];
    const int chosen = thresholds.choose(list == kFreshList ? 0 : list - 1, significance_level(significance));
    if (chosen == thresholds.tiers) return is_pinned(significance) ? int8_t(chosen) : kDropped;
    return int8_t(chosen + 1);
  }

  void take_out_of_judged(int list, HeadMoves& moves) {
    const PageLayout& layout = layout_of(list);
    const std::vector<PageId> pages = table_.pages_of(list);
    const auto page_of = [&](int token) { return PageView(layout, cache_.page(pages[token / layout.tokens])); };
    StagedList staged{layout, {}, {}, {}};
    int last = int(table_.tokens[list]);
    for (int t = 0; t < last;) {
      PageView page = page_of(t);
      const int8_t to = choose(list, page.significance(t % layout.tokens));
      if (to == list) {
        ++t;
        continue;
      }
      if (to != kDropped) stage(staged, page, t % layout.tokens, to, moves);
      if (to != kDropped && positions_ != nullptr) staged.positions.push_back((*positions_)[list][t]);
      if (--last == t) continue;
      copy_row(page_of(last), last % layout.tokens, page, t % layout.tokens);
      if (positions_ != nullptr) (*positions_)[list][t] = (*positions_)[list][last];
    }
    shrink(list, last, moves);
    if (!staged.to.empty()) moves.staged.push_back(std::move(staged));
  }

  void stage(StagedList& staged, const PageView& from, int token, int8_t to, HeadMoves& moves) {
    const int at = int(staged.to.size());
    if (at % staged.layout.tokens == 0) staged.pages.resize(staged.pages.size() + staged.layout.page_bytes);
    staged.to.push_back(to);
    PageView page = staged.page_of(at);
    copy_row(from, token, page, at % staged.layout.tokens);
    ++moves.arriving[to];
  }

  // The fresh list is rebuilt: its pages are copied out whole, those that stay go back in order.
  void take_out_of_fresh(HeadMoves& moves) {
    const int tokens = int(table_.tokens[kFreshList]), judged = std::max(0, tokens - job_.keep_fresh);
    if (judged == 0 && sequence_.list_tier[kFreshList] == job_.fresh_tier) return;
    StagedList staged{layout_of(kFreshList), {}, std::vector<int8_t>(tokens, kFreshList), {}};
    if (positions_ != nullptr) staged.positions = (*positions_)[kFreshList];
    for (PageId id : table_.pages_of(kFreshList)) {
      staged.pages.insert(staged.pages.end(), cache_.page(id), cache_.page(id) + cache_.page_bytes());
    }
    for (int t = 0; t < judged; ++t) staged.to[t] = judge_fresh(staged, t, tokens - t);
    for (int8_t to : staged.to) {
      if (to != kDropped) ++moves.arriving[to];
    }
    shrink(kFreshList, 0, moves);
    moves.staged.push_back(std::move(staged));
  }

  // Also notes how many queries have seen the token: what decode continues from.
  int8_t judge_fresh(StagedList& staged, int token, int queries) {
    PageView page = staged.page_of(token);
    const int at = token % staged.layout.tokens;
    const uint16_t bits = page.significance(at);
    const int units = query_units(std::min(queries, job_.most_queries));
    page.set_significance(at, make_significance(significance_level(bits), units_or_pin(bits, units)));
    return choose(kFreshList, bits);
  }

  void shrink(int list, int tokens, HeadMoves& moves) {
    const int keep = (tokens + layout_of(list).tokens - 1) / layout_of(list).tokens;
    int seen = 0;
    std::erase_if(table_.bag, [&](PageRef ref) {
      if (ref.list() != list || seen++ < keep) return false;
      moves.emptied.push_back(ref.page());
      return true;
    });
    table_.tokens[list] = uint32_t(tokens);
    if (positions_ != nullptr) (*positions_)[list].resize(std::size_t(tokens));
  }

  // Returns the next free index of the slice.
  uint32_t append(StagedList& staged, int token, int list, uint32_t next_free) {
    const PageLayout& layout = layout_of(list);
    const int at = int(table_.tokens[list]++) % layout.tokens;
    if (at == 0) table_.bag.emplace_back(list, cache_.ring().at(next_free++));
    const auto last = std::find_if(table_.bag.rbegin(), table_.bag.rend(), [&](PageRef r) { return r.list() == list; });
    PageView to(layout, cache_.page(last->page()));
    const PageView from = staged.page_of(token);
    const int from_at = token % staged.layout.tokens;
    const Tier &old_tier = tier(staged.layout.tier), &new_tier = tier(layout.tier);
    StoredRow row;
    from.read_key(from_at, row);
    convert(old_tier.key, new_tier.key, layout.head_dim, row);
    to.write_key(at, row);
    from.read_value(from_at, row);
    convert(old_tier.value, new_tier.value, layout.head_dim, row);
    to.write_value(at, row);
    to.set_significance(at, from.significance(from_at));
    if (positions_ != nullptr) (*positions_)[list].push_back(staged.positions[token]);
    return next_free;
  }

  KvCache& cache_;
  const RecodeJob& job_;
  SequenceState& sequence_;
  HeadTable& table_;
  HeadPositions* positions_;  // nullptr where they are not kept
  int index_;
};

// Gives every head's emptied pages back in private slices of the ring.
void give_back(KvCache& cache, ThreadPool& threads, std::span<const HeadMoves> moves) {
  std::vector<uint32_t> first(moves.size() + 1, 0);
  for (std::size_t h = 0; h < moves.size(); ++h) first[h + 1] = first[h] + uint32_t(moves[h].emptied.size());
  threads.run(int(moves.size()), [&](int h, int) {
    for (uint32_t i = 0; i < moves[h].emptied.size(); ++i) cache.ring().put(first[h] + i, moves[h].emptied[i]);
  });
  cache.ring().give(first.back());
}

void recode_layer(KvCache& cache, ThreadPool& threads, const RecodeJob& job, int layer) {
  const int heads = cache.shape().kv_heads, first_index = layer * heads;
  SequenceState& sequence = cache.state(job.slot);
  std::vector<HeadMoves> moves(heads);
  threads.run(heads, [&](int h, int) { moves[h] = HeadRecoder(cache, job, first_index + h).take_out(); });
  give_back(cache, threads, moves);
  const TierId old_fresh = sequence.list_tier[kFreshList];
  sequence.list_tier[kFreshList] = job.fresh_tier;
  std::vector<uint32_t> first(heads + 1, 0);
  for (int h = 0; h < heads; ++h) {
    first[h + 1] = first[h] + moves[h].pages_needed(cache, sequence, sequence.heads[first_index + h]);
  }
  threads.run(heads, [&](int h, int) { HeadRecoder(cache, job, first_index + h).put_in(moves[h], first[h]); });
  cache.ring().take(first.back());
  cache.note_high_water();
  sequence.list_tier[kFreshList] = old_fresh;  // of the layers still to come
}

}  // namespace

void recode(KvCache& cache, ThreadPool& threads, const RecodeJob& job) {
  LEANKV_CHECK(cache.can_judge());
  for (int layer = 0; layer < cache.shape().layers; ++layer) recode_layer(cache, threads, job, layer);
  cache.state(job.slot).list_tier[kFreshList] = job.fresh_tier;
}

}  // namespace leankv
