// Which tokens of a head go where: the first of the three kernels of a recode (recode.cuh), with the order of
// backend/recode.cc, so that pages and rows come out the same.
//
// What stays in a judged list is packed by moving tokens from its end into the holes. The host does this token by
// token; here the same order is computed. Of N tokens n stay. A leaver before n is a hole, and the i-th hole is filled
// by the i-th stayer from the end, e_i. The host meets the leavers in this order: hole 0; the leavers behind e_0 from
// the end; hole 1; those between e_0 and e_1; ...; last what is left behind n, its first token first.
#pragma once

#include "backend/cuda/cache_tables.h"
#include "backend/cuda/simt.h"
#include "kv/policy.h"

namespace leankv {

// The choice for one sequence. Heads [first_head, first_head + heads) are worked on together.
struct RecodeTask {
  int slot;
  int keep_fresh;                    // newest fresh tokens that are not judged
  TierId fresh_tier;                 // of the fresh list afterwards
  int most_queries;                  // that the significance of a fresh token is the mean of
  bool rebuild_fresh;                // some of it leaves or changes its tier
  const HeadThresholds* thresholds;  // [all heads]
  int first_head, heads;
};

inline constexpr uint8_t kDroppedToken = 0xff;
inline constexpr int kListShift = 29;  // a list in the upper bits, as in PageRef

// What becomes of one head's lists.
struct HeadMoves {
  uint32_t stay[kMaxLists];        // tokens, packed
  uint32_t first_hole[kMaxLists];  // in holes and movers
  uint32_t holes[kMaxLists];
  uint32_t first_staged[kMaxLists];  // by the list they come from
  uint32_t staged[kMaxLists];
  uint32_t first_arrival[kMaxLists];  // by the list they go to
  uint32_t arriving[kMaxLists];
};

// Scratch for the heads of a task, each with room for `tokens`.
struct MoveScratch {
  int tokens;
  uint8_t* to;                           // [heads, tokens] list by token number, or kDroppedToken
  uint32_t* order;                       // [heads, tokens] leavers of the list at hand as the host meets them
  uint32_t* staged;                      // [heads, tokens] list and token that each staged row comes from
  uint32_t* place;                       // [heads, tokens] list and place among its arrivals that it goes to
  uint32_t* source_of;                   // [heads, tokens] staged row of each arrival, list by list
  uint32_t *holes, *movers;              // [heads, tokens] tokens; movers[i] fills holes[i]
  uint32_t* opened;                      // [heads, tokens] list and page in it, of each page that the head takes
  HeadMoves* moves;                      // [heads]
  uint32_t *emptied, *needed, *staging;  // [heads + 1] pages given back, taken, and of the staging area
};

struct PlanMovesKernel {
  static constexpr int kThreads = 256;
  static constexpr int kFieldBits = 9;  // of a count up to kThreads; seven lists fit 63 bits
  struct Params {
    CacheTables tables;
    RecodeTask task;
    MoveScratch scratch;
  };
  struct Shared {
    BlockSums<uint64_t, kThreads> sums;
    HeadMoves moves;
    uint32_t leavers, staged;
    uint32_t lowest_mover;
  };

  // One head's part of everything.
  struct Head {
    const CacheTables& tables;
    const RecodeTask& task;
    int head;
    const HeadState& state;
    RowMap map;
    const PageId* row;
    uint8_t* to;
    uint32_t *order, *staged, *place, *source_of, *holes, *movers, *opened;

    // The i-th head of the task; views of all three.
    LEANKV_HD Head(const CacheTables& all, const RecodeTask& job, const MoveScratch& s, int i)
        : tables(all),
          task(job),
          head(job.first_head + i),
          state(all.head(job.slot, head)),
          map(all, job.slot, head),
          row(all.row(job.slot, head)) {
      const std::size_t first = std::size_t(i) * std::size_t(s.tokens);
      to = s.to + first, order = s.order + first, staged = s.staged + first, place = s.place + first;
      source_of = s.source_of + first, holes = s.holes + first, movers = s.movers + first, opened = s.opened + first;
    }
    LEANKV_HD int lists() const { return tables.slots[task.slot].lists; }
    LEANKV_HD const TierLayout& layout(int list) const { return tables.list_layout(task.slot, list); }
    LEANKV_HD const TierLayout& layout_after(int list) const {
      return list == kFreshList ? tables.tiers[int(task.fresh_tier)] : layout(list);
    }
    LEANKV_HD uint16_t significance(int list, uint32_t token) const {
      const TierLayout& tier = layout(list);
      std::byte* page = tables.page(row[map.first_page[list] + token / uint32_t(tier.tokens)]);
      return significance_of(tier, page, int(token % uint32_t(tier.tokens)));
    }
    LEANKV_HD static uint16_t significance_of(const TierLayout& tier, const std::byte* page, int token) {
      return reinterpret_cast<const uint16_t*>(page + tier.significance)[token];
    }
    // The list a judged token goes to; tier index i is list i + 1.
    LEANKV_HD uint8_t choose(int list, uint32_t token) const {
      const HeadThresholds& thresholds = task.thresholds[head];
      const uint16_t bits = significance(list, token);
      const int chosen = thresholds.choose(list == kFreshList ? 0 : list - 1, significance_level(bits));
      if (chosen == thresholds.tiers) return is_pinned(bits) ? uint8_t(chosen) : kDroppedToken;
      return uint8_t(chosen + 1);
    }
  };

  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    auto& shared = block.template shared<Shared>();
    const Head head(p.tables, p.task, p.scratch, block.index());
    if (block.thread() == 0) shared.moves = HeadMoves{}, shared.staged = 0;
    block.sync();
    for (int list = 1; list < head.lists(); ++list) choose_all(block, shared, head, list);
    uint32_t first_hole = 0;
    for (int list = 1; list < head.lists(); ++list) {
      order_leavers(block, shared, head, list, first_hole);
      stage_leavers(block, shared, head, list, shared.leavers);
      first_hole += shared.moves.holes[list];
    }
    const uint32_t fresh = head.state.tokens[kFreshList];
    if (p.task.rebuild_fresh) {
      choose_fresh(block, head, fresh);
      stage_leavers(block, shared, head, kFreshList, fresh);
    } else if (block.thread() == 0) {
      shared.moves.stay[kFreshList] = fresh;
    }
    place_arrivals(block, shared, head, p);
  }

  // Counts what stays in a judged list, and the holes before its new end.
  template <class Block>
  LEANKV_HD static void choose_all(Block& block, Shared& shared, const Head& head, int list) {
    const uint32_t tokens = head.state.tokens[list];
    uint8_t* to = head.to + head.map.first_number[list];
    uint64_t stay = 0, stay_before_end = 0;
    for (uint32_t t = uint32_t(block.thread()); t < tokens; t += kThreads) {
      to[t] = head.choose(list, t);
      stay += to[t] == list;
    }
    stay = shared.sums.sum(block, stay);
    for (uint32_t t = uint32_t(block.thread()); t < stay; t += kThreads) stay_before_end += to[t] == list;
    stay_before_end = shared.sums.sum(block, stay_before_end);
    if (block.thread() == 0) {
      shared.moves.stay[list] = uint32_t(stay);
      shared.moves.holes[list] = uint32_t(stay - stay_before_end);
    }
    block.sync();
  }

  template <class Block>
  LEANKV_HD static void order_leavers(Block& block, Shared& shared, const Head& head, int list, uint32_t first_hole) {
    const uint32_t tokens = head.state.tokens[list], stay = shared.moves.stay[list], holes = shared.moves.holes[list];
    if (block.thread() == 0) {
      shared.moves.first_hole[list] = first_hole;
      shared.leavers = tokens - stay;
      shared.lowest_mover = tokens;
    }
    order_behind_end(block, shared, head, list, first_hole);
    block.sync();
    // What is left behind the new end begins with its first token, if that one leaves.
    const uint8_t* to = head.to + head.map.first_number[list];
    if (block.thread() == 0 && stay < tokens && to[stay] != list) {
      const uint32_t left = shared.lowest_mover - stay, behind = tokens - stay - holes;
      head.order[holes + behind - left] = stay;
    }
    uint32_t done = 0;
    for (uint32_t base = 0; base < stay; base += kThreads) {
      const uint32_t t = base + uint32_t(block.thread());
      const bool leaves = t < stay && to[t] != list;
      uint64_t total;
      const uint32_t hole = done + uint32_t(shared.sums.exclusive(block, uint64_t(leaves), &total));
      if (leaves) {
        head.holes[first_hole + hole] = t;
        head.order[hole == 0 ? 0 : head.opened[hole]] = t;
      }
      done += uint32_t(total);
    }
    block.sync();
  }

  // Tokens behind the new end: the i-th stayer from the end fills hole i and says where hole i + 1 comes in the order
  // (kept in `opened` for the moment).
  template <class Block>
  LEANKV_HD static void order_behind_end(Block& block, Shared& shared, const Head& head, int list,
                                         uint32_t first_hole) {
    const uint32_t tokens = head.state.tokens[list], stay = shared.moves.stay[list], holes = shared.moves.holes[list];
    const uint8_t* to = head.to + head.map.first_number[list];
    uint32_t stayers_before = 0;
    for (uint32_t base = stay; base < tokens; base += kThreads) {
      const uint32_t t = base + uint32_t(block.thread());
      const bool stays = t < tokens && to[t] == list;
      uint64_t total;
      const uint32_t before = stayers_before + uint32_t(shared.sums.exclusive(block, uint64_t(stays), &total));
      stayers_before += uint32_t(total);
      if (t >= tokens) continue;
      const uint32_t stayers_after = holes - before - stays;
      const uint32_t leavers_after = (tokens - 1 - t) - stayers_after;
      if (stays) {
        head.movers[first_hole + stayers_after] = t;
        if (stayers_after + 1 < holes) head.opened[stayers_after + 1] = stayers_after + 1 + leavers_after;
        if (stayers_after + 1 == holes) shared.lowest_mover = t;
      } else if (t != stay) {
        head.order[1 + stayers_after + leavers_after] = t;
      }
    }
  }

  template <class Block>
  LEANKV_HD static void choose_fresh(Block& block, const Head& head, uint32_t tokens) {
    const uint32_t keep = uint32_t(head.task.keep_fresh), judged = tokens > keep ? tokens - keep : 0;
    uint8_t* to = head.to + head.map.first_number[kFreshList];
    for (uint32_t t = uint32_t(block.thread()); t < tokens; t += kThreads) {
      to[t] = t < judged ? head.choose(kFreshList, t) : uint8_t(kFreshList);
      head.order[t] = t;
    }
    block.sync();
  }

  // Leavers that are not dropped get their place among the staged rows and among the arrivals of their new list.
  template <class Block>
  LEANKV_HD static void stage_leavers(Block& block, Shared& shared, const Head& head, int list, uint32_t leavers) {
    const uint8_t* to = head.to + head.map.first_number[list];
    const uint32_t first = shared.staged;
    uint32_t staged = first;
    block.sync();  // all have read it
    for (uint32_t base = 0; base < leavers; base += kThreads) {
      const uint32_t i = base + uint32_t(block.thread());
      const uint32_t token = i < leavers ? head.order[i] : 0;
      const uint8_t target = i < leavers ? to[token] : kDroppedToken;
      const bool kept = target != kDroppedToken;
      uint64_t total;
      const uint64_t before = shared.sums.exclusive(block, kept ? uint64_t(1) << (kFieldBits * target) : 0, &total);
      if (kept) {
        const uint32_t at = staged + all_fields(before);
        head.staged[at] = uint32_t(list) << kListShift | token;
        head.place[at] = uint32_t(target) << kListShift | (shared.moves.arriving[target] + field(before, target));
      }
      staged += all_fields(total);
      block.sync();
      if (block.thread() < kMaxLists - 1) shared.moves.arriving[block.thread()] += field(total, block.thread());
      block.sync();
    }
    if (block.thread() == 0) {
      shared.moves.first_staged[list] = first, shared.moves.staged[list] = staged - first;
      shared.staged = staged;
    }
    block.sync();
  }
  LEANKV_HD static uint32_t field(uint64_t packed, int list) {
    return uint32_t(packed >> (kFieldBits * list)) & ((1u << kFieldBits) - 1);
  }
  LEANKV_HD static uint32_t all_fields(uint64_t packed) {
    uint32_t sum = 0;
    for (int list = 0; list < kMaxLists - 1; ++list) sum += field(packed, list);
    return sum;
  }

  // Turns places into the rows of each list, and finds the pages that are opened in the order of the staged rows.
  template <class Block>
  LEANKV_HD static void place_arrivals(Block& block, Shared& shared, const Head& head, const Params& p) {
    if (block.thread() == 0) {
      uint32_t first = 0;
      for (int list = 0; list < kMaxLists; ++list) {
        shared.moves.first_arrival[list] = first;
        first += shared.moves.arriving[list];
      }
    }
    block.sync();
    uint32_t opened = 0;
    for (uint32_t base = 0; base < shared.staged; base += kThreads) {
      const uint32_t i = base + uint32_t(block.thread());
      const uint32_t place = i < shared.staged ? head.place[i] : 0;
      const int list = int(place >> kListShift);
      const uint32_t arrival = place & ((1u << kListShift) - 1);
      const uint32_t position = shared.moves.stay[list] + arrival, per_page = uint32_t(head.layout_after(list).tokens);
      const bool opens = i < shared.staged && position % per_page == 0;
      uint64_t total;
      const uint32_t before = opened + uint32_t(shared.sums.exclusive(block, uint64_t(opens), &total));
      if (i < shared.staged) head.source_of[shared.moves.first_arrival[list] + arrival] = i;
      if (opens) head.opened[before] = uint32_t(list) << kListShift | position / per_page;
      opened += uint32_t(total);
    }
    if (block.thread() == 0) finish(shared, head, p, block.index(), opened);
  }

  LEANKV_HD static void finish(const Shared& shared, const Head& head, const Params& p, int i, uint32_t opened) {
    uint32_t emptied = 0, staging = 0;
    for (int list = 0; list < head.lists(); ++list) {
      const int per_page = head.layout(list).tokens;
      const uint32_t before = pages_for(head.state.tokens[list], per_page);
      emptied += before - pages_for(shared.moves.stay[list], per_page);
      const bool whole = list == kFreshList && p.task.rebuild_fresh;
      staging += whole ? before : pages_for(shared.moves.staged[list], per_page);
    }
    p.scratch.moves[i] = shared.moves;
    p.scratch.emptied[i] = emptied, p.scratch.needed[i] = opened, p.scratch.staging[i] = staging;
  }
};

}  // namespace leankv
