// The owner of the pool of pages, the ring of free ones and every sequence's tables.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend/batch.h"
#include "backend/cache_keeper.h"
#include "backend/sequence_state.h"
#include "kv/page_layout.h"
#include "kv/page_ring.h"
#include "kv/row_codec.h"

namespace leankv {

struct CacheShape {
  int layers = 0;
  int kv_heads = 0;
  int group = 0;  // query heads per KV head
  int head_dim = 0;
  int heads() const { return layers * kv_heads; }
  // 16-bit bytes of one token over all layers and heads: the denominator's unit of every ratio.
  int64_t bytes_per_token_16bit() const { return int64_t(heads()) * head_dim * 4; }
};

class KvCache;

// A move-only lease on one slot: dropping it gives every page back. Must not outlive its cache.
class SequenceCache {
 public:
  SequenceCache(SequenceCache&& other) noexcept : cache_(other.cache_), slot_(other.slot_) { other.cache_ = nullptr; }
  SequenceCache& operator=(SequenceCache&& other) noexcept;
  ~SequenceCache();
  SlotId slot() const { return slot_; }

 private:
  friend class KvCache;
  SequenceCache(KvCache* cache, SlotId slot) : cache_(cache), slot_(slot) {}
  KvCache* cache_;
  SlotId slot_;
};

// Used from one thread; kernels write disjoint pages of it in parallel.
// Invariant: the ring and the bags of all sequences partition the pages of the pool.
class KvCache {
 public:
  // tiers: every tier that a sequence of this cache may keep; the page size fits them best. K16V16, where prompts pass
  // through, is always there. Throws kDoesNotFit when pool_bytes holds no page,
  // kUnsupported for a head_dim that is no multiple of 16 or over 256.
  // keeper: of a backend that keeps pages and tables elsewhere (CacheOps::make_keeper); none: they lie here.
  // rows: what encodes and decodes here (CacheOps::row_codec).
  // prior: the model's own curves [layers, kv_heads], which those of a sequence are blended with; or none.
  KvCache(CacheShape shape, std::span<const TierId> tiers, int64_t pool_bytes, int slots,
          std::unique_ptr<CacheKeeper> keeper = nullptr, std::vector<Curve> prior = {},
          const RowCodec& rows = kScalarRowCodec);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  const CacheShape& shape() const { return shape_; }
  std::span<const Curve> prior() const { return prior_; }
  const RowCodec& rows() const { return *rows_; }
  int page_bytes() const { return page_bytes_; }
  const PageLayout& layout(TierId id) const { return layouts_[int(id)]; }
  const PageLayout& list_layout(SlotId slot, int list) const { return layout(state(slot).list_tier[list]); }
  bool holds(TierId id) const { return layouts_[int(id)].tokens > 0; }

  // A free slot with this policy, its fresh tokens stored at `fresh`; none when all slots are taken.
  // REQUIRES holds() for `fresh` and every tier of the policy.
  std::optional<SequenceCache> admit(const Policy& policy, TierId fresh);
  // A sequence with its own copy of every page and all that is known of the slot's; from then on they go separate ways.
  // None when all slots are taken or the pages do not fit beside the reserve.
  std::optional<SequenceCache> copy(SlotId slot);

  // A sequence that was saved, with its pages' bytes in the order of HeadTable::for_each_ref, head by head; the ids in
  // the bags are replaced. None when the pages do not fit beside the reserve. REQUIRES a free slot, no keeper, and bags
  // and counts that agree.
  std::optional<SequenceCache> restore(SlotId slot, SequenceState state, std::span<const std::byte> pages);
  bool is_free(SlotId slot) const { return !slots_[slot].used; }

  // From now on notes where each token of every head stands: 4 bytes per token and head beside the pool. A cache with a
  // keeper does not. REQUIRES a sequence without tokens.
  void keep_positions(SlotId slot);

  SequenceState& state(SlotId slot) { return slots_[slot]; }
  const SequenceState& state(SlotId slot) const { return slots_[slot]; }
  HeadTable& head(SlotId slot, int layer, int h) { return slots_[slot].heads[layer * shape_.kv_heads + h]; }
  const HeadTable& head(SlotId slot, int layer, int h) const { return slots_[slot].heads[layer * shape_.kv_heads + h]; }

  // Calls fn(list, its layout, page, tokens in it) for every page of a head of this slot, in the order of the tokens'
  // numbers: judged lists first, then the fresh one.
  template <class Fn>
  void for_each_page(SlotId slot, const HeadTable& table, Fn&& fn) const {
    const auto visit = [&](int list) {
      const PageLayout& layout = list_layout(slot, list);
      table.for_each_page(list, layout.tokens, [&](PageId id, int tokens) { fn(list, layout, id, tokens); });
    };
    for (int list = kFreshList + 1; list < state(slot).lists(); ++list) visit(list);
    visit(kFreshList);
  }

  CacheKeeper* keeper() const { return keeper_.get(); }
  // Brings a keeper's tables into state(slot); else they are there.
  void fetch(SlotId slot) const {
    if (keeper_) keeper_->fetch(slot);
  }

  std::byte* page(PageId id) { return pages_ + std::size_t(id) * page_bytes_; }
  const std::byte* page(PageId id) const { return pages_ + std::size_t(id) * page_bytes_; }
  // Whoever asks for the free pages, or for those of a sequence, waits for judgements that a keeper has queued.
  PageRing& ring() {
    learn_totals();
    return ring_;
  }
  const PageRing& ring() const {
    learn_totals();
    return ring_;
  }
  PageRing& known_ring() { return ring_; }  // without what is late
  // Pages kept free for judgements (recode.h), one reserve for all slots: sequences are judged one at a time. A
  // judgement moves tokens only to lists whose pages hold no fewer, and the pages of a list are full but for the last:
  // with T tiers and the fresh list, sum of ceil(tokens / page) over T + 1 lists exceeds the sum of the quotients,
  // which does not grow, by less than T + 1. So a head needs at most T pages beyond those it holds.
  uint32_t reserve_pages() const { return reserve_pages(shape_); }
  static uint32_t reserve_pages(const CacheShape& shape) { return uint32_t(shape.heads()) * kMaxPolicyTiers; }
  // Whether the reserve is whole, as a judgement REQUIRES: it is after extend(); a judgement may use it up. Waits only
  // where what is late decides.
  bool can_judge() const {
    const uint32_t late = keeper_ ? keeper_->late_pages() : 0;
    return ring_.free() >= late + reserve_pages() || ring().free() >= reserve_pages();
  }
  // The page size of a pool for these tiers and, where prompts pass through, K16V16.
  static int page_bytes_for(std::span<const TierId> tiers, int head_dim);
  uint32_t appendable_pages() const { return ring().free() > reserve_pages() ? ring_.free() - reserve_pages() : 0; }

  // Makes room for new fresh tokens of every entry in all layers and heads, and counts the tokens in: one demand per
  // head, one prefix sum, private slices. False, and nothing changed, when the ring does not hold enough beside the
  // reserve.
  [[nodiscard]] bool extend(std::span<const BatchEntry> entries);
  uint32_t pages_to_extend(SlotId slot, int tokens) const;
  uint32_t pages_of(SlotId slot) const;  // that it holds

  uint32_t used_pages() const { return ring().capacity() - ring_.free(); }
  int64_t pool_bytes() const { return int64_t(ring_.capacity()) * page_bytes_; }
  int64_t high_water_bytes() const {
    learn_totals();
    return int64_t(high_water_pages_) * page_bytes_;
  }
  void note_high_water() { high_water_pages_ = std::max(high_water_pages_, ring_.capacity() - ring_.free()); }

  // Checks the invariants of the ring, the bags and the counts; stops the process where one is broken.
  void check_integrity() const;

 private:
  friend class SequenceCache;
  void learn_totals() const {
    if (keeper_) keeper_->learn_totals();
  }
  std::optional<SlotId> free_slot() const;
  void copy_pages(SlotId to);
  void put_pages(SlotId slot);
  void release(SlotId slot);

  struct FreePool {
    void operator()(std::byte* p) const;
  };
  CacheShape shape_;
  std::vector<Curve> prior_;
  const RowCodec* rows_;
  int page_bytes_ = 0;
  std::array<PageLayout, std::size_t(TierId::kCount)> layouts_{};
  std::unique_ptr<CacheKeeper> keeper_;
  std::unique_ptr<std::byte, FreePool> pool_;
  std::byte* pages_ = nullptr;  // of the pool, here or at the keeper's
  std::vector<PageId> ring_storage_;
  PageRing ring_;
  std::vector<SequenceState> slots_;
  uint32_t high_water_pages_ = 0;
};

}  // namespace leankv
