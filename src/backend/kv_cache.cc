#include "backend/kv_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <string>

#include "base/error.h"

namespace leankv {
namespace {

constexpr std::size_t kHugePage = 2u << 20;  // pages are visited in random order: huge pages spare TLB misses

std::byte* allocate_pool(std::size_t bytes) {
  const std::size_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = std::aligned_alloc(kHugePage, rounded);
  if (memory == nullptr) {
    throw Error(ErrorKind::kDoesNotFit, "cannot allocate " + std::to_string(bytes) + " bytes for the KV cache pool");
  }
  madvise(memory, rounded, MADV_HUGEPAGE);
  return static_cast<std::byte*>(memory);
}

uint32_t pages_for(int64_t tokens, int tokens_per_page) {
  return uint32_t((tokens + tokens_per_page - 1) / tokens_per_page);
}

}  // namespace

SequenceCache& SequenceCache::operator=(SequenceCache&& other) noexcept {
  std::swap(cache_, other.cache_);
  std::swap(slot_, other.slot_);
  return *this;
}

SequenceCache::~SequenceCache() {
  if (cache_ != nullptr) cache_->release(slot_);
}

void KvCache::FreePool::operator()(std::byte* p) const { std::free(p); }

int KvCache::page_bytes_for(std::span<const TierId> tiers, int head_dim) {
  const int bytes = choose_page_bytes(tiers, head_dim);
  if (make_page_layout(TierId::kK16V16, head_dim, bytes).tokens > 0) return bytes;
  std::vector<TierId> with_prompts(tiers.begin(), tiers.end());
  with_prompts.push_back(TierId::kK16V16);
  return choose_page_bytes(with_prompts, head_dim);
}

KvCache::KvCache(CacheShape shape, std::span<const TierId> tiers, int64_t pool_bytes, int slots,
                 std::unique_ptr<CacheKeeper> keeper, std::vector<Curve> prior, const RowCodec& rows)
    : shape_(shape), prior_(std::move(prior)), rows_(&rows), keeper_(std::move(keeper)), slots_(slots) {
  LEANKV_CHECK(prior_.empty() || prior_.size() == std::size_t(shape.heads()));
  if (shape.head_dim % 16 != 0 || shape.head_dim < 16 || shape.head_dim > kMaxHeadDim) {
    throw Error(ErrorKind::kUnsupported,
                "head_dim " + std::to_string(shape.head_dim) + ": the cache takes multiples of 16 from 16 to 256");
  }
  page_bytes_ = page_bytes_for(tiers, shape.head_dim);
  for (TierId id : tiers) layouts_[int(id)] = make_page_layout(id, shape.head_dim, page_bytes_);
  layouts_[int(TierId::kK16V16)] = make_page_layout(TierId::kK16V16, shape.head_dim, page_bytes_);
  const int64_t pages = std::min<int64_t>(pool_bytes / page_bytes_, (int64_t(1) << 29) - 1);
  const int64_t least = int64_t(reserve_pages()) + shape.heads();
  if (pages < least) {
    throw Error(ErrorKind::kDoesNotFit, "a KV cache pool of " + std::to_string(pool_bytes) +
                                            " bytes is too small: this model needs at least " +
                                            std::to_string(least * page_bytes_));
  }
  if (keeper_) {
    keeper_->open(*this, uint32_t(pages), slots);
    pages_ = keeper_->pool();
    ring_ = PageRing::counting(uint32_t(pages));
    return;
  }
  pool_.reset(allocate_pool(std::size_t(pages) * page_bytes_));
  pages_ = pool_.get();
  ring_storage_.resize(pages);
  ring_ = PageRing(ring_storage_);
}

KvCache::~KvCache() = default;

std::optional<SlotId> KvCache::free_slot() const {
  const auto slot = std::ranges::find(slots_, false, &SequenceState::used);
  if (slot == slots_.end()) return std::nullopt;
  return SlotId(slot - slots_.begin());
}

std::optional<SequenceCache> KvCache::admit(const Policy& policy, TierId fresh) {
  const std::optional<SlotId> slot = free_slot();
  if (!slot) return std::nullopt;
  LEANKV_CHECK(holds(fresh) && std::ranges::all_of(policy.tiers, [&](TierId id) { return holds(id); }));
  SequenceState state;
  state.policy = policy;
  state.list_tier.push_back(fresh);
  state.list_tier.insert(state.list_tier.end(), policy.tiers.begin(), policy.tiers.end());
  state.heads.resize(shape_.heads());
  state.memory.resize(shape_.heads());
  if (policy.judges()) {
    state.statistics.resize(shape_.heads());
    state.residual_energy.resize(shape_.layers);
  }
  state.used = true;
  slots_[*slot] = std::move(state);
  if (keeper_) keeper_->admit(*slot);
  return SequenceCache(this, *slot);
}

void KvCache::keep_positions(SlotId slot) {
  LEANKV_CHECK(state(slot).used && state(slot).tokens == 0);
  if (!keeper_) state(slot).positions.resize(state(slot).heads.size());
}

std::optional<SequenceCache> KvCache::copy(SlotId slot) {
  const std::optional<SlotId> to = free_slot();
  const uint32_t pages = pages_of(slot);
  if (!to || pages > appendable_pages()) return std::nullopt;
  slots_[*to] = state(slot);
  keeper_ ? keeper_->copy(slot, *to) : copy_pages(*to);
  ring_.take(pages);
  note_high_water();
  return SequenceCache(this, *to);
}

// Gives a slot that refers to another's pages its own.
void KvCache::copy_pages(SlotId to) {
  uint32_t next = 0;
  for (HeadTable& head : slots_[to].heads) {
    head.for_each_ref([&](PageRef& ref) {
      const PageId own = ring_.at(next++);
      std::copy_n(page(ref.page()), page_bytes_, page(own));
      ref = PageRef(ref.list(), own);
    });
  }
}

std::optional<SequenceCache> KvCache::restore(SlotId slot, SequenceState state, std::span<const std::byte> pages) {
  LEANKV_CHECK(is_free(slot) && keeper_ == nullptr);
  const uint32_t count = uint32_t(pages.size() / page_bytes_);
  if (count > appendable_pages()) return std::nullopt;
  uint32_t next = 0;
  for (HeadTable& head : state.heads) {
    head.for_each_ref([&](PageRef& ref) {
      ref = PageRef(ref.list(), ring_.at(next));
      std::ranges::copy(pages.subspan(std::size_t(next++) * page_bytes_, page_bytes_), page(ref.page()));
    });
  }
  LEANKV_CHECK(next == count);
  state.used = true;
  slots_[slot] = std::move(state);
  ring_.take(count);
  note_high_water();
  return SequenceCache(this, slot);
}

uint32_t KvCache::pages_to_extend(SlotId slot, int tokens) const {
  const int per_page = list_layout(slot, kFreshList).tokens;
  const uint32_t now = state(slot).heads.front().tokens[kFreshList];  // the same in every head
  return (pages_for(int64_t(now) + tokens, per_page) - pages_for(now, per_page)) * uint32_t(shape_.heads());
}

uint32_t KvCache::pages_of(SlotId slot) const {
  learn_totals();
  if (keeper_) return keeper_->pages_of(slot);
  std::size_t pages = 0;
  for (const HeadTable& head : state(slot).heads) pages += head.bag.size();
  return uint32_t(pages);
}

bool KvCache::extend(std::span<const BatchEntry> entries) {
  uint32_t total = 0;
  for (const BatchEntry& entry : entries) total += pages_to_extend(entry.slot, entry.rows);
  if (!can_judge() || total > appendable_pages()) return false;
  if (keeper_) keeper_->extend(entries);
  uint32_t next = 0;
  for (const BatchEntry& entry : entries) {
    const uint32_t per_head = pages_to_extend(entry.slot, entry.rows) / uint32_t(shape_.heads());
    const std::size_t counted = keeper_ ? 1 : state(entry.slot).heads.size();  // pages_to_extend() looks at the first
    for (HeadTable& head : std::span(state(entry.slot).heads).first(counted)) {
      for (uint32_t i = 0; i < per_head && !keeper_; ++i) head.bag.emplace_back(kFreshList, ring_.at(next++));
      head.tokens[kFreshList] += uint32_t(entry.rows);
    }
    for (HeadPositions& head : state(entry.slot).positions) {
      for (int i = 0; i < entry.rows; ++i) head[kFreshList].push_back(state(entry.slot).tokens + i);
    }
    state(entry.slot).tokens += entry.rows;
  }
  ring_.take(total);
  note_high_water();
  return true;
}

void KvCache::put_pages(SlotId slot) {
  uint32_t next = 0;
  for (HeadTable& head : state(slot).heads) {
    head.for_each_ref([&](PageRef ref) { ring_.put(next++, ref.page()); });
  }
}

void KvCache::release(SlotId slot) {
  const uint32_t returned = pages_of(slot);
  keeper_ ? keeper_->release(slot) : put_pages(slot);
  ring_.give(returned);
  state(slot) = SequenceState();
}

void KvCache::check_integrity() const {
  if (keeper_) return keeper_->check_integrity();
  std::vector<char> seen(ring_.capacity(), 0);
  const auto visit = [&](PageId page) {
    LEANKV_CHECK(page < ring_.capacity() && !seen[page]);
    seen[page] = 1;
  };
  for (uint32_t i = 0; i < ring_.free(); ++i) visit(ring_.at(i));
  for (const SequenceState& sequence : slots_) {
    for (const HeadTable& head : sequence.heads) {
      std::array<uint32_t, kMaxLists> pages{};
      for (PageRef ref : head.bag) visit(ref.page()), ++pages[ref.list()];
      for (int list = 0; list < kMaxLists; ++list) {
        const uint32_t expected =
            list < sequence.lists() ? pages_for(head.tokens[list], layout(sequence.list_tier[list]).tokens) : 0;
        LEANKV_CHECK(pages[list] == expected);
      }
    }
    for (std::size_t h = 0; h < sequence.positions.size(); ++h) {
      for (int list = 0; list < kMaxLists; ++list) {
        LEANKV_CHECK(sequence.positions[h][list].size() == sequence.heads[h].tokens[list]);
      }
    }
  }
  LEANKV_CHECK(std::ranges::count(seen, 1) == std::ptrdiff_t(ring_.capacity()));
}

}  // namespace leankv
