// Pages and tables of a KvCache in the memory of a device, and the queue of kernels that change them.
//
// The host knows how many pages are free and how many each sequence holds: extend and release follow from counts that
// it has. What a judgement gives and takes is known on the device alone until somebody asks: those that follow find
// their place in the ring by the sums that are kept there (RecodeTotals).
#pragma once

#include <vector>

#include "backend/cache_keeper.h"
#include "backend/cuda/cache_tables.h"
#include "backend/cuda/choice.cuh"
#include "backend/cuda/device.h"
#include "backend/cuda/recode.cuh"
#include "backend/cuda/step_entry.h"
#include "backend/cuda/work_plan.h"
#include "backend/kv_cache.h"

namespace leankv {

// A step as kernels see it: its entries, and its attention cut into pieces.
struct Step {
  std::vector<StepEntry> entries;
  WorkPlan plan;
  int rows = 0;
  int most_rows = 0;          // of an entry
  bool first_chunks = false;  // some entry begins its sequence with a mean key
  bool gathers = false, observes = false;
  // On the device.
  const StepEntry* device_entries = nullptr;
  const int* row_entry = nullptr;  // [rows]
  PlanView decode, prompt;
};

class DeviceCache : public CacheKeeper {
 public:
  // most_tokens: that a sequence may come to.
  DeviceCache(Device& device, int most_tokens) : device_(device), most_tokens_(most_tokens) {}

  void open(KvCache& cache, uint32_t pages, int slots) override;
  std::byte* pool() override { return tables_.pool; }
  void admit(SlotId slot) override;
  void copy(SlotId from, SlotId to) override;
  void release(SlotId slot) override;
  void extend(std::span<const BatchEntry> entries) override;
  uint32_t pages_of(SlotId slot) const override { return slots_[slot].pages; }
  uint32_t late_pages() const override;
  void learn_totals() override;
  void judge(const JudgementRequest& request) override;
  void review(SlotId slot, int64_t limit_bytes) override;
  void gather_residual(const Batch& batch, int layer, ConstMatrix x) override;
  void fetch(SlotId slot) override;
  void adopt(SlotId slot) override;
  void write(PageId id, std::span<const std::byte> page) override;
  void check_integrity() override;

  const CacheTables& tables() const { return tables_; }
  KvCache& cache() { return *cache_; }
  Device& device() { return device_; }
  // The step at hand: what extend() was told.
  const Step& step() const { return step_; }

  // Moves tokens as the thresholds [heads] on the device say.
  struct Recode {
    SlotId slot;
    int keep_fresh;
    TierId fresh_tier;
    int most_queries;
    const HeadThresholds* thresholds;
  };
  void recode(const Recode& job);
  // In the place of those that a judgement finds. [heads] each.
  void set_constants(SlotId slot, std::span<const HeadConstants> constants, std::span<const Curve> curves);

 private:
  // A part of a recode whose totals are late.
  struct LatePart {
    SlotId slot;
    int heads;
  };
  static constexpr std::size_t kMostLate = 4096;  // parts
  struct Slot {
    SlotState state{};
    uint32_t pages = 0;
    DeviceArray<std::byte> gathered;
    GatherSums sums{};
  };
  void settle(const JudgementRequest& request);
  void settle_heads(const JudgementRequest& request, int first_layer, int layers);
  // Solves for thresholds_ and moves the tokens.
  void choose(SlotId slot, int keep_fresh, int units_gained, int most_queries, int64_t limit_bytes);
  DeviceCosts costs_of(const SequenceState& sequence) const;
  void carve(Carve& memory, uint32_t pages, int slots);
  void carve_scratch(Carve& memory, int tokens, int heads);
  void fill_table(const SequenceState& sequence, const HeadState& state, std::span<const PageId> row,
                  HeadTable& table) const;
  StepEntry step_entry(const BatchEntry& entry, uint32_t& first_page);
  void gather_room(SlotId slot, int tokens);
  void upload_step();
  std::size_t place_step(Carve memory, std::byte* staging);
  std::size_t items_bound(const std::vector<Problem>& problems, bool prompt) const;
  void count_splits(const PlanView& plan, bool prompt);
  void recode_heads(const RecodeTask& task);
  void move_rows(const RecodeTask& task);

  Device& device_;
  int most_tokens_;
  KvCache* cache_ = nullptr;
  CacheTables tables_{};
  TierLayout* tiers_ = nullptr;
  DeviceArray<std::byte> memory_;  // everything that lives as long as the cache
  std::vector<Slot> slots_;
  Step step_;
  DeviceArray<std::byte> step_memory_;  // of a step: what is uploaded, splits, partial results

  Curve* prior_ = nullptr;                // [heads] where the cache has one
  Curve* curves_ = nullptr;               // [slots, heads]
  HeadConstants* constants_ = nullptr;    // [slots, heads]
  HeadThresholds* thresholds_ = nullptr;  // [heads] of the choice at hand
  double* chosen_ = nullptr;              // [slots] lambda of the last choice
  double* output_energy_ = nullptr;       // [heads]
  uint32_t* counts_ = nullptr;            // [2 (heads + 1)] demands and their sums
  std::byte* staging_ = nullptr;
  uint32_t staging_pages_ = 0;
  PageId* new_rows_ = nullptr;      // [heads, row_pages]
  RecodeTotals* totals_ = nullptr;  // [1 + kMostLate] the sum of all that is late, then each
  std::vector<LatePart> late_;
  DeviceArray<std::byte> scratch_memory_;
  MoveScratch scratch_{};
};

}  // namespace leankv
