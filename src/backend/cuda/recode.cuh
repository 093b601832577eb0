// Tokens move to the lists that were chosen for them: rows are staged and pages given back, holes are filled, pages are
// taken and rows written at their new precision. One block per head; recode_plan.cuh says what goes where.
#pragma once

#include "backend/cuda/recode_plan.cuh"
#include "backend/cuda/row_codec.cuh"

namespace leankv {

// Pages that judgements gave back and took.
struct RecodeTotals {
  uint32_t given, taken;
};

// What both kernels work on. The demands of the plan have become slices: prefix sums over the heads.
struct RecodeParams {
  CacheTables tables;
  RecodeTask task;
  MoveScratch scratch;
  std::byte* staging;        // pages
  uint64_t first_put;        // in the ring as the host knows it: where the first emptied page goes
  uint64_t first_free;       // the first page that is taken
  const RecodeTotals* late;  // what came before without the host's knowing
  PageId* new_rows;          // [heads, row_pages]
  // The staging area is used again and again: in a wave by those heads whose first staged page lies within a stride.
  // A head that begins there may end past it, within row_pages more.
  uint32_t wave, stride;

  LEANKV_HD bool works_on(int head) const { return scratch.staging[head] / stride == wave; }
  LEANKV_HD std::byte* staging_page(uint32_t i) const {
    return staging + std::size_t(i - wave * stride) * std::size_t(tables.page_bytes);
  }
};

struct StageKernel {
  static constexpr int kThreads = 256, kWarps = kThreads / kWarp;
  using Params = RecodeParams;
  using Head = PlanMovesKernel::Head;
  struct Shared {
    CodeRow rows[kWarps][2];
  };

  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int i = block.index();
    if (!p.works_on(i)) return;
    const Head head(p.tables, p.task, p.scratch, i);
    const HeadMoves& moves = p.scratch.moves[i];
    uint32_t page = p.scratch.staging[i];
    for (int list = 1; list < head.lists(); ++list) {
      stage_rows(block, p, head, moves, list, page);
      page += pages_for(moves.staged[list], head.layout(list).tokens);
    }
    if (p.task.rebuild_fresh) stage_fresh(block, p, head, page);
    block.sync();
    give_back(block, p, head, moves, i);
    for (int list = 1; list < head.lists(); ++list) fill_holes(block, p, head, moves, list);
  }

  // Half a warp copies the key, the other the value.
  template <class Block>
  LEANKV_HD static void copy_row(Block& block, const TierLayout& tier, std::byte* from, int from_token, std::byte* to,
                                 int to_token) {
    const int half = block.lane() / kHalfWarp;
    CodeRow& row = block.template shared<Shared>().rows[block.warp()][half];
    const SideLayout& side = half == 0 ? tier.key : tier.value;
    read_row(side, from, from_token, row, half_lane(block));
    block.sync_warp();
    write_row(side, to, to_token, row, half_lane(block));
    if (block.lane() == 0) significance_at(tier, to, to_token) = significance_at(tier, from, from_token);
    block.sync_warp();
  }

  // A warp per tile of the staging pages.
  template <class Block>
  LEANKV_HD static void stage_rows(Block& block, const Params& p, const Head& head, const HeadMoves& moves, int list,
                                   uint32_t first_page) {
    const TierLayout& tier = head.layout(list);
    const uint32_t tile = uint32_t(tier.key.tile), per_page = uint32_t(tier.tokens);
    for (uint32_t first = uint32_t(block.warp()) * tile; first < moves.staged[list]; first += kWarps * tile) {
      for (uint32_t i = first; i < first + tile && i < moves.staged[list]; ++i) {
        const uint32_t token = head.staged[moves.first_staged[list] + i] & ((1u << kListShift) - 1);
        std::byte* from = p.tables.page(head.row[head.map.first_page[list] + token / per_page]);
        copy_row(block, tier, from, int(token % per_page), p.staging_page(first_page + i / per_page),
                 int(i % per_page));
      }
    }
  }

  template <class Block>
  LEANKV_HD static void stage_fresh(Block& block, const Params& p, const Head& head, uint32_t first_page) {
    const uint32_t pages = pages_for(head.state.tokens[kFreshList], head.layout(kFreshList).tokens);
    for (uint32_t i = uint32_t(block.warp()); i < pages; i += kWarps) {
      const auto* from =
          reinterpret_cast<const uint64_t*>(p.tables.page(head.row[head.map.first_page[kFreshList] + i]));
      auto* to = reinterpret_cast<uint64_t*>(p.staging_page(first_page + i));
      for (int w = block.lane(); w < p.tables.page_bytes / 8; w += kWarp) to[w] = from[w];
    }
  }

  // Emptied pages go into this head's slice of the ring: judged lists first, then the fresh one.
  template <class Block>
  LEANKV_HD static void give_back(Block& block, const Params& p, const Head& head, const HeadMoves& moves, int index) {
    uint64_t at = p.first_put + p.late->given + p.scratch.emptied[index];
    for (int i = 1; i <= head.lists(); ++i) {
      const int list = i < head.lists() ? i : kFreshList, per_page = head.layout(list).tokens;
      const uint32_t keep = pages_for(moves.stay[list], per_page), held = pages_for(head.state.tokens[list], per_page);
      const PageId* row = head.row + head.map.first_page[list];
      for (uint32_t page = keep + uint32_t(block.thread()); page < held; page += kThreads) {
        p.tables.ring[(at + page - keep) % p.tables.capacity] = row[page];
      }
      at += held - keep;
    }
  }

  // A warp takes the holes of one tile. The tile of the new end may also hold movers, whose bytes may hold bits of
  // holes: it comes last.
  template <class Block>
  LEANKV_HD static void fill_holes(Block& block, const Params& p, const Head& head, const HeadMoves& moves, int list) {
    const TierLayout& tier = head.layout(list);
    const uint32_t tile = uint32_t(tier.key.tile), n = moves.holes[list], end = moves.stay[list] / tile;
    const uint32_t* holes = head.holes + moves.first_hole[list];
    for (const bool at_end : {false, true}) {
      for (uint32_t i = uint32_t(block.warp()); i < n; i += kWarps) {
        const uint32_t this_tile = holes[i] / tile;
        if ((this_tile == end) != at_end || (i > 0 && holes[i - 1] / tile == this_tile)) continue;
        for (uint32_t h = i; h < n && holes[h] / tile == this_tile; ++h) fill_hole(block, p, head, moves, list, h);
      }
      block.sync();
    }
  }
  template <class Block>
  LEANKV_HD static void fill_hole(Block& block, const Params& p, const Head& head, const HeadMoves& moves, int list,
                                  uint32_t i) {
    const TierLayout& tier = head.layout(list);
    const uint32_t per_page = uint32_t(tier.tokens), at = moves.first_hole[list] + i;
    const uint32_t mover = head.movers[at], hole = head.holes[at];
    const PageId* row = head.row + head.map.first_page[list];
    copy_row(block, tier, p.tables.page(row[mover / per_page]), int(mover % per_page),
             p.tables.page(row[hole / per_page]), int(hole % per_page));
  }
};

template <int kMost>
struct PlaceKernel {
  static constexpr int kThreads = 256, kWarps = kThreads / kWarp;
  using Params = RecodeParams;
  using Head = PlanMovesKernel::Head;
  struct Shared {
    CodeRow in[kWarps][2], out[kWarps][2];
    HeadState before;
  };

  // The lists of a head afterwards, and where its staged rows lie.
  struct Lists {
    uint32_t first_page[kMaxLists], tokens[kMaxLists], pages;
    uint32_t staging_page[kMaxLists];
    LEANKV_HD Lists(const Params& p, const Head& head, const HeadMoves& moves, int i) : pages(0) {
      uint32_t staging = p.scratch.staging[i];
      for (int j = 1; j <= head.lists(); ++j) {
        const int list = j < head.lists() ? j : kFreshList;
        tokens[list] = moves.stay[list] + moves.arriving[list];
        first_page[list] = pages;
        pages += pages_for(tokens[list], head.layout_after(list).tokens);
        staging_page[list] = staging;
        staging += pages_for(moves.staged[list], head.layout(list).tokens);
      }
    }
  };

  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int i = block.index();
    if (!p.works_on(i)) return;
    const Head head(p.tables, p.task, p.scratch, i);
    const HeadMoves& moves = p.scratch.moves[i];
    const Lists lists(p, head, moves, i);
    PageId* row = p.new_rows + std::size_t(block.index()) * std::size_t(p.tables.row_pages);
    fill_row(block, p, head, moves, lists, i, row);
    block.sync();
    for (int list = 0; list < head.lists(); ++list) {
      if (moves.arriving[list] > 0) place_rows(block, p, head, moves, lists, list, row);
    }
    block.sync();  // nobody needs the old row or state any more
    PageId* own = p.tables.row(p.task.slot, head.head);
    for (uint32_t page = uint32_t(block.thread()); page < lists.pages; page += kThreads) own[page] = row[page];
    if (block.thread() != 0) return;
    HeadState& state = p.tables.head(p.task.slot, head.head);
    for (int list = 0; list < head.lists(); ++list) state.tokens[list] = lists.tokens[list];
    state.pages = lists.pages;
  }

  // Pages that stay, then those from this head's slice of the ring.
  template <class Block>
  LEANKV_HD static void fill_row(Block& block, const Params& p, const Head& head, const HeadMoves& moves,
                                 const Lists& lists, int index, PageId* row) {
    for (int list = 0; list < head.lists(); ++list) {
      const uint32_t keep = pages_for(moves.stay[list], head.layout(list).tokens);
      for (uint32_t i = uint32_t(block.thread()); i < keep; i += kThreads) {
        row[lists.first_page[list] + i] = head.row[head.map.first_page[list] + i];
      }
    }
    const uint32_t first = p.scratch.needed[index], last = p.scratch.needed[index + 1];
    for (uint32_t i = uint32_t(block.thread()); i < last - first; i += kThreads) {
      const uint32_t opened = head.opened[i];
      const uint32_t page = lists.first_page[opened >> kListShift] + (opened & ((1u << kListShift) - 1));
      row[page] = p.tables.free_page(p.first_free + p.late->taken + first + i);
    }
  }

  // A warp per tile of the list's new end, two rows at a time.
  template <class Block>
  LEANKV_HD static void place_rows(Block& block, const Params& p, const Head& head, const HeadMoves& moves,
                                   const Lists& lists, int list, const PageId* row) {
    const TierLayout& tier = head.layout_after(list);
    const uint32_t tile = uint32_t(tier.key.tile), first = moves.stay[list], last = first + moves.arriving[list];
    for (uint32_t t = (first / tile + uint32_t(block.warp())) * tile; t < last; t += kWarps * tile) {
      std::byte* page = p.tables.page(row[lists.first_page[list] + t / uint32_t(tier.tokens)]);
      for (uint32_t pair = t; pair < t + tile; pair += 2) {
        const uint32_t position = pair + uint32_t(block.lane() / kHalfWarp);
        const bool exists = position >= first && position < last;
        const uint32_t arrival = moves.first_arrival[list] + position - first;
        place_row(block, p, head, moves, lists, tier, page, int(position % uint32_t(tier.tokens)),
                  exists ? head.source_of[arrival] : 0, exists);
      }
    }
  }

  template <class Block>
  LEANKV_HD static void place_row(Block& block, const Params& p, const Head& head, const HeadMoves& moves,
                                  const Lists& lists, const TierLayout& tier, std::byte* page, int to, uint32_t staged,
                                  bool exists) {
    const uint32_t source = exists ? head.staged[staged] : 0, token = source & ((1u << kListShift) - 1);
    const int list = int(source >> kListShift);
    const TierLayout& old = head.layout(list);
    const uint32_t at = list == kFreshList ? token : staged - moves.first_staged[list];
    std::byte* from = p.staging_page(lists.staging_page[list] + at / uint32_t(old.tokens));
    const int from_token = int(at % uint32_t(old.tokens));
    convert(block, old.key, tier.key, from, from_token, page, to, exists);
    convert(block, old.value, tier.value, from, from_token, page, to, exists);
    if (!exists || half_lane(block) != 0) return;
    uint16_t bits = significance_at(old, from, from_token);
    if (list == kFreshList) bits = judged_significance(p.task, bits, token, head.state.tokens[kFreshList]);
    significance_at(tier, page, to) = bits;
  }

  // Also notes how many queries have seen the token: what decode continues from.
  LEANKV_HD static uint16_t judged_significance(const RecodeTask& task, uint16_t bits, uint32_t token,
                                                uint32_t tokens) {
    if (token + uint32_t(task.keep_fresh) >= tokens) return bits;
    const int queries = int(tokens - token);
    const int units = query_units(queries < task.most_queries ? queries : task.most_queries);
    return make_significance(significance_level(bits), units_or_pin(bits, units));
  }

  // Re-encodes one side unless the codec stays. The codec of `to` is the same for both halves of the warp.
  template <class Block>
  LEANKV_HD static void convert(Block& block, const SideLayout& from, const SideLayout& to, std::byte* from_page,
                                int from_token, std::byte* to_page, int to_token, bool exists) {
    auto& shared = block.template shared<Shared>();
    const int half = block.lane() / kHalfWarp, n = to.head_dim / kHalfWarp;
    CodeRow &in = shared.in[block.warp()][half], &out = shared.out[block.warp()][half];
    const bool same = from.codec == to.codec;
    if (exists) read_row(from, from_page, from_token, in, half_lane(block));
    block.sync_warp();
    if (block.ballot(exists && !same) != 0) {
      LaneRow<kMost> x = {};
      if (exists) x = decode_row<kMost>(block, from.codec, in, n);
      encode_row(block, to.codec, x, n, out);
      block.sync_warp();
    }
    if (exists) write_row(to, to_page, to_token, same ? in : out, half_lane(block));
    block.sync_warp();
  }
};

// What a task gave and took, for the host to ask for and for those that follow. One block.
struct AddTotalsKernel {
  static constexpr int kThreads = kWarp;
  struct Shared {};
  struct Params {
    const uint32_t *emptied, *needed;  // of all heads of the task
    RecodeTotals *own, *late;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    if (block.thread() != 0) return;
    *p.own = {*p.emptied, *p.needed};
    p.late->given += *p.emptied, p.late->taken += *p.needed;
  }
};

}  // namespace leankv
