#include "backend/recode_head.h"

#include <algorithm>

namespace leankv {
namespace {

void copy_row(const PageView& from, int from_token, PageView& to, int to_token) {
  StoredRow row;
  from.read_key(from_token, row);
  to.write_key(to_token, row);
  from.read_value(from_token, row);
  to.write_value(to_token, row);
  to.set_significance(to_token, from.significance(from_token));
}

// Re-encodes one side unless the codec stays.
void convert(const RowCodec& rows, CodecId from, CodecId to, int head_dim, StoredRow& row) {
  if (from == to) return;
  float x[kMaxHeadDim];
  rows.decode(from, row.codes, row.scales, head_dim, x);
  rows.encode(to, x, head_dim, row.codes, row.scales);
}

}  // namespace

HeadMoves HeadRecoder::take_out() {
  HeadMoves moves;
  for (int list = 1; list < sequence_.lists(); ++list) take_out_of_judged(list, moves);
  take_out_of_fresh(moves);
  return moves;
}

void HeadRecoder::put_in(HeadMoves& moves, uint32_t first_free) {
  for (PageRef ref : table_.bag) last_page_[ref.list()] = ref.page();
  for (StagedList& staged : moves.staged) {
    for (int t = 0; t < int(staged.to.size()); ++t) {
      if (staged.to[t] != kDropped) first_free = append(staged, t, staged.to[t], first_free);
    }
  }
}

int8_t HeadRecoder::choose(int list, uint16_t significance) const {
  const HeadThresholds& thresholds = job_.thresholds[index_];
  const int chosen = thresholds.choose(list == kFreshList ? 0 : list - 1, significance_level(significance));
  if (chosen == thresholds.tiers) return is_pinned(significance) ? int8_t(chosen) : kDropped;
  return int8_t(chosen + 1);
}

void HeadRecoder::take_out_of_judged(int list, HeadMoves& moves) {
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

void HeadRecoder::stage(StagedList& staged, const PageView& from, int token, int8_t to, HeadMoves& moves) {
  const int at = int(staged.to.size());
  if (at % staged.layout.tokens == 0) staged.pages.resize(staged.pages.size() + staged.layout.page_bytes);
  staged.to.push_back(to);
  PageView page = staged.page_of(at);
  copy_row(from, token, page, at % staged.layout.tokens);
  ++moves.arriving[to];
}

void HeadRecoder::take_out_of_fresh(HeadMoves& moves) {
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

int8_t HeadRecoder::judge_fresh(StagedList& staged, int token, int queries) {
  PageView page = staged.page_of(token);
  const int at = token % staged.layout.tokens;
  const uint16_t bits = page.significance(at);
  const int units = query_units(std::min(queries, job_.most_queries));
  page.set_significance(at, make_significance(significance_level(bits), units_or_pin(bits, units)));
  return choose(kFreshList, bits);
}

void HeadRecoder::shrink(int list, int tokens, HeadMoves& moves) {
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

uint32_t HeadRecoder::append(StagedList& staged, int token, int list, uint32_t next_free) {
  const PageLayout& layout = layout_of(list);
  const int at = int(table_.tokens[list]++) % layout.tokens;
  if (at == 0)
    table_.bag.emplace_back(list, cache_.ring().at(next_free++)), last_page_[list] = table_.bag.back().page();
  PageView to(layout, cache_.page(last_page_[list]));
  const PageView from = staged.page_of(token);
  const int from_at = token % staged.layout.tokens;
  const Tier &old_tier = tier(staged.layout.tier), &new_tier = tier(layout.tier);
  StoredRow row;
  from.read_key(from_at, row);
  convert(cache_.rows(), old_tier.key, new_tier.key, layout.head_dim, row);
  to.write_key(at, row);
  from.read_value(from_at, row);
  convert(cache_.rows(), old_tier.value, new_tier.value, layout.head_dim, row);
  to.write_value(at, row);
  to.set_significance(at, from.significance(from_at));
  if (positions_ != nullptr) (*positions_)[list].push_back(staged.positions[token]);
  return next_free;
}

}  // namespace leankv
