#include "backend/cuda/device_cache.h"

#include <algorithm>

#include "backend/cuda/observe.cuh"
#include "backend/cuda/pages.cuh"
#include "base/error.h"

namespace leankv {

void DeviceCache::open(KvCache& cache, uint32_t pages, int slots) {
  cache_ = &cache;
  const CacheShape& shape = cache.shape();
  tables_.layers = shape.layers, tables_.kv_heads = shape.kv_heads, tables_.group = shape.group;
  tables_.head_dim = shape.head_dim, tables_.page_bytes = cache.page_bytes(), tables_.capacity = pages;
  std::vector<TierLayout> tiers(static_cast<std::size_t>(TierId::kCount));
  int least = most_tokens_;  // tokens of a page
  for (const Tier& t : kTiers) {
    if (!cache.holds(t.id)) continue;
    tiers[std::size_t(t.id)] = make_tier_layout(cache.layout(t.id));
    least = std::min(least, cache.layout(t.id).tokens);
  }
  tables_.row_pages = int(std::min<uint32_t>(pages, pages_for(uint32_t(most_tokens_), least) + kMaxLists));
  staging_pages_ = uint32_t(shape.kv_heads + 1) * uint32_t(tables_.row_pages);
  slots_.resize(std::size_t(slots));
  Carve measure;
  carve(measure, pages, slots);
  memory_ = DeviceArray<std::byte>(device_, measure.bytes());
  Carve place(memory_.data());
  carve(place, pages, slots);
  device_.fill(tables_.head_states, 0, std::size_t(slots) * shape.heads() * sizeof(HeadState));
  device_.upload(prior_, cache.prior().data(), cache.prior().size_bytes());
  device_.fill(totals_, 0, sizeof(RecodeTotals));
  device_.upload(tiers_, tiers.data(), tiers.size() * sizeof(TierLayout));
  std::vector<PageId> ring(pages);
  for (uint32_t i = 0; i < pages; ++i) ring[i] = i;
  device_.upload(tables_.ring, ring.data(), ring.size() * sizeof(PageId));
}

void DeviceCache::carve(Carve& memory, uint32_t pages, int slots) {
  const CacheShape& shape = cache_->shape();
  const std::size_t heads = std::size_t(shape.heads()), all_heads = heads * std::size_t(slots);
  tables_.pool = memory.take<std::byte>(std::size_t(pages) * tables_.page_bytes);
  tables_.ring = memory.take<PageId>(pages);
  tables_.rows = memory.take<PageId>(all_heads * tables_.row_pages);
  tables_.head_states = memory.take<HeadState>(all_heads);
  tables_.slots = memory.take<SlotState>(std::size_t(slots));
  tables_.key_mean = memory.take<uint16_t>(all_heads * shape.head_dim);
  tables_.tiers = tiers_ = memory.take<TierLayout>(std::size_t(TierId::kCount));
  prior_ = memory.take<Curve>(cache_->prior().size());
  curves_ = memory.take<Curve>(all_heads);
  constants_ = memory.take<HeadConstants>(all_heads);
  thresholds_ = memory.take<HeadThresholds>(heads);
  chosen_ = memory.take<double>(std::size_t(slots));
  output_energy_ = memory.take<double>(heads);
  counts_ = memory.take<uint32_t>(2 * (heads + 1));
  staging_ = memory.take<std::byte>(std::size_t(staging_pages_) * tables_.page_bytes);
  new_rows_ = memory.take<PageId>(heads * tables_.row_pages);
  totals_ = memory.take<RecodeTotals>(1 + kMostLate);
}

void DeviceCache::admit(SlotId slot) {
  const SequenceState& sequence = cache_->state(slot);
  SlotState& state = slots_[slot].state;
  state = SlotState{};
  state.lists = sequence.lists();
  for (int list = 0; list < state.lists; ++list) state.list_tier[list] = sequence.list_tier[list];
  state.rotate = sequence.policy.rotate, state.centre = sequence.policy.centre;
  state.paper = sequence.policy.kind == PolicyKind::kPaper;
  state.pin = sequence.policy.pin;
  device_.fill(chosen_ + slot, 0, sizeof(double));
  device_.launch<ClearSlotKernel>(grid_for(tables_.heads(), ClearSlotKernel::kThreads), {tables_, slot, state});
}

void DeviceCache::copy(SlotId from, SlotId to) {
  const int heads = tables_.heads();
  slots_[to].state = slots_[from].state;
  slots_[to].pages = slots_[from].pages;
  device_.launch<CountPagesKernel>(grid_for(heads, CountPagesKernel::kThreads), {tables_, from, counts_});
  device_.exclusive_sum(counts_, counts_, heads);
  device_.launch<CopySlotKernel>({heads}, {tables_, from, to, cache_->ring().first(), counts_});
  device_.copy(curves_ + tables_.head_index(to, 0), curves_ + tables_.head_index(from, 0), heads * sizeof(Curve));
  device_.copy(constants_ + tables_.head_index(to, 0), constants_ + tables_.head_index(from, 0),
               heads * sizeof(HeadConstants));
  device_.copy(chosen_ + to, chosen_ + from, sizeof(double));
  if (slots_[from].gathered.data() == nullptr) return;
  gather_room(to, slots_[from].sums.capacity);
  device_.copy(slots_[to].gathered.data(), slots_[from].gathered.data(), slots_[from].gathered.size());
}

void DeviceCache::release(SlotId slot) {
  const int heads = tables_.heads();
  const uint64_t first_put = cache_->ring().first() + cache_->ring().free();
  device_.launch<CountPagesKernel>(grid_for(heads, CountPagesKernel::kThreads), {tables_, slot, counts_});
  device_.exclusive_sum(counts_, counts_, heads);
  device_.launch<ReleaseKernel>({heads}, {tables_, slot, first_put, counts_});
  slots_[slot] = Slot{};
  device_.launch<ClearSlotKernel>(grid_for(heads, ClearSlotKernel::kThreads), {tables_, slot, SlotState{}});
}

void DeviceCache::extend(std::span<const BatchEntry> entries) {
  step_ = {};
  uint32_t first_page = 0;
  for (const BatchEntry& entry : entries) {
    StepEntry step = step_entry(entry, first_page);
    slots_[entry.slot].pages += step.pages_per_head * uint32_t(tables_.heads());
    step_.rows += entry.rows, step_.most_rows = std::max(step_.most_rows, entry.rows);
    step_.first_chunks |= entry.position == 0 && slots_[entry.slot].state.centre;
    step_.gathers |= step.observing == Observing::kGather;
    step_.observes |= ObservingRows(step).count > 0;
    step_.entries.push_back(step);
  }
  step_.plan = make_work_plan(step_.entries, tables_.group);
  upload_step();
  const Grid grid{grid_for(tables_.heads(), ExtendKernel::kThreads).x, int(entries.size())};
  device_.launch<ExtendKernel>(grid, {tables_, step_.device_entries, cache_->ring().first()});
  count_splits(step_.decode, false);
  count_splits(step_.prompt, true);
}

// One upload for all that the host knows of a step.
void DeviceCache::upload_step() {
  const std::size_t bytes = place_step(Carve(), nullptr);
  step_memory_.reserve(device_, bytes);
  std::vector<std::byte> staging(bytes);
  const std::size_t known = place_step(Carve(step_memory_.data()), staging.data());
  device_.upload(step_memory_.data(), staging.data(), known);
}

// Lays a step out; what is uploaded comes first and is copied to the staging memory, where that is given. Returns all
// bytes without staging, else those to upload.
std::size_t DeviceCache::place_step(Carve memory, std::byte* staging) {
  std::byte* const base = step_memory_.data();
  const auto place = [&](const auto& values) {
    using T = typename std::remove_cvref_t<decltype(values)>::value_type;
    T* at = memory.take<T>(values.size());
    if (staging != nullptr)
      std::ranges::copy(values, reinterpret_cast<T*>(staging + (reinterpret_cast<std::byte*>(at) - base)));
    return at;
  };
  std::vector<int> row_entry;
  for (int i = 0; i < int(step_.entries.size()); ++i) row_entry.insert(row_entry.end(), step_.entries[i].rows, i);
  step_.device_entries = place(step_.entries);
  step_.row_entry = place(row_entry);
  step_.decode.problems = place(step_.plan.decode);
  step_.prompt.problems = place(step_.plan.prompt);
  const std::size_t known = memory.bytes();
  for (const bool prompt : {false, true}) {
    PlanView& view = prompt ? step_.prompt : step_.decode;
    const std::vector<Problem>& problems = prompt ? step_.plan.prompt : step_.plan.decode;
    const std::size_t queries = items_bound(problems, prompt) * std::size_t(prompt ? kPromptQueries : kQueriesPerWarp);
    view.n_problems = int(problems.size());
    view.splits = memory.take<uint32_t>(problems.size() * std::size_t(tables_.heads()) + 1);
    view.partials.out = memory.take<float>(queries * std::size_t(tables_.head_dim));
    view.partials.max = memory.take<float>(queries), view.partials.sum = memory.take<float>(queries);
  }
  return staging == nullptr ? memory.bytes() : known;
}

// Pieces of work of one layer, at most. Of decode by the number of problems alone: work that was recorded for as many
// sequences finds everything where it was.
std::size_t DeviceCache::items_bound(const std::vector<Problem>& problems, bool prompt) const {
  if (!prompt) return problems.size() * std::size_t(tables_.kv_heads * kMaxSplits);
  std::size_t items = 0;
  for (const Problem& problem : problems) {
    const int slot = step_.entries[problem.entry].slot;
    const uint32_t pages = std::min(uint32_t(tables_.row_pages), slots_[slot].pages);
    items += std::size_t(splits_of(pages, prompt) * tables_.kv_heads);
  }
  return items;
}

void DeviceCache::count_splits(const PlanView& plan, bool prompt) {
  if (plan.n_problems == 0) return;
  const int n = plan.n_problems * tables_.heads();
  auto* splits = const_cast<uint32_t*>(plan.splits);
  device_.launch<CountSplitsKernel>(grid_for(n, CountSplitsKernel::kThreads),
                                    {tables_, step_.device_entries, plan.problems, plan.n_problems, prompt, splits});
  device_.exclusive_sum(splits, splits, n + 1);
}

StepEntry DeviceCache::step_entry(const BatchEntry& entry, uint32_t& first_page) {
  const SequenceState& sequence = cache_->state(entry.slot);
  LEANKV_CHECK(sequence.tokens + entry.rows <= most_tokens_);
  StepEntry step{};
  step.slot = entry.slot, step.first_row = entry.first_row, step.rows = entry.rows, step.position = entry.position;
  step.pages_per_head = cache_->pages_to_extend(entry.slot, entry.rows) / uint32_t(tables_.heads());
  step.first_page = first_page;
  first_page += step.pages_per_head * uint32_t(tables_.heads());
  step.sample_interval = sequence.policy.sample_interval;
  if (!sequence.policy.judges()) return step;
  step.observing = sequence.gathering() ? Observing::kGather : Observing::kUpdate;
  step.windows = sequence.windows;
  if (sequence.gathering()) gather_room(entry.slot, std::max(sequence.judge_at, sequence.tokens + entry.rows));
  step.sums = slots_[entry.slot].sums;
  return step;
}

// Room for the sums over so many tokens of every head; what was gathered stays.
void DeviceCache::gather_room(SlotId slot, int tokens) {
  Slot& s = slots_[slot];
  if (tokens <= s.sums.capacity) return;
  const std::size_t heads = std::size_t(tables_.heads()), rows = heads * std::size_t(tables_.head_dim);
  const GatherSums old = s.sums;
  const auto place = [&](Carve memory) {
    s.sums.value_sum = memory.take<double>(rows), s.sums.output_sum = memory.take<double>(rows);
    s.sums.value_energy = memory.take<double>(heads), s.sums.query_energy = memory.take<double>(heads);
    s.sums.residual_energy = memory.take<double>(std::size_t(tables_.layers));
    s.sums.seen = memory.take<float>(kWindows * heads * std::size_t(tokens));
    return memory.bytes();
  };
  DeviceArray<std::byte> memory(device_, place(Carve()));
  place(Carve(memory.data()));
  s.sums.capacity = tokens;
  device_.fill(memory.data(), 0, memory.size());
  if (s.gathered.data() != nullptr) {
    const std::size_t fixed = std::size_t(reinterpret_cast<std::byte*>(old.seen) - s.gathered.data());
    device_.copy(memory.data(), s.gathered.data(), fixed);
    for (std::size_t h = 0; h < kWindows * heads; ++h) {
      const std::size_t from = h * std::size_t(old.capacity), to = h * std::size_t(tokens);
      device_.copy(s.sums.seen + to, old.seen + from, std::size_t(old.capacity) * sizeof(float));
    }
  }
  s.gathered = std::move(memory);
}

void DeviceCache::set_constants(SlotId slot, std::span<const HeadConstants> constants, std::span<const Curve> curves) {
  LEANKV_CHECK(int(constants.size()) == tables_.heads() && int(curves.size()) == tables_.heads());
  device_.upload(constants_ + tables_.head_index(slot, 0), constants.data(), constants.size_bytes());
  device_.upload(curves_ + tables_.head_index(slot, 0), curves.data(), curves.size_bytes());
}

// Pages list by list: the order of the bag that tables do not tell is that of the row.
void DeviceCache::fetch(SlotId slot) {
  SequenceState& sequence = cache_->state(slot);
  const std::size_t heads = std::size_t(tables_.heads()), d = std::size_t(tables_.head_dim);
  device_.download(&sequence.lambda, chosen_ + slot, sizeof(double));
  std::vector<HeadState> states(heads);
  std::vector<Curve> curves(heads);
  std::vector<HeadConstants> constants(heads);
  std::vector<uint16_t> means(heads * d);
  device_.download(states.data(), &tables_.head(slot, 0), heads * sizeof(HeadState));
  device_.download(curves.data(), curves_ + tables_.head_index(slot, 0), heads * sizeof(Curve));
  device_.download(constants.data(), constants_ + tables_.head_index(slot, 0), heads * sizeof(HeadConstants));
  device_.download(means.data(), tables_.mean(slot, 0), means.size() * sizeof(uint16_t));
  for (std::size_t h = 0; h < heads; ++h) {
    std::vector<PageId> row(states[h].pages);
    if (!row.empty()) device_.download(row.data(), tables_.row(slot, int(h)), row.size() * sizeof(PageId));
    fill_table(sequence, states[h], row, sequence.heads[h]);
    HeadMemory& memory = sequence.memory[h];
    memory.curve = curves[h], memory.constants = constants[h];
    if (sequence.policy.centre) memory.key_mean.assign(means.begin() + h * d, means.begin() + (h + 1) * d);
  }
}

void DeviceCache::fill_table(const SequenceState& sequence, const HeadState& state, std::span<const PageId> row,
                             HeadTable& table) const {
  table.bag.clear();
  std::size_t next = 0;
  for (int i = 1; i <= sequence.lists(); ++i) {
    const int list = i < sequence.lists() ? i : kFreshList;
    table.tokens[list] = state.tokens[list];
    const uint32_t pages = pages_for(state.tokens[list], cache_->layout(sequence.list_tier[list]).tokens);
    for (uint32_t p = 0; p < pages; ++p) table.bag.emplace_back(list, row[next++]);
  }
}

void DeviceCache::adopt(SlotId slot) {
  const SequenceState& sequence = cache_->state(slot);
  Slot& own = slots_[slot];
  own.gathered = {}, own.sums = {}, own.pages = 0;
  for (int list = 0; list < sequence.lists(); ++list) own.state.list_tier[list] = sequence.list_tier[list];
  device_.upload(&tables_.slots[slot], &own.state, sizeof(SlotState));
  std::vector<HeadConstants> constants;
  std::vector<Curve> curves;
  for (std::size_t h = 0; h < sequence.heads.size(); ++h) {
    const HeadTable& table = sequence.heads[h];
    std::vector<PageId> row;
    for (int i = 1; i <= sequence.lists(); ++i) {
      const std::vector<PageId> pages = table.pages_of(i < sequence.lists() ? i : kFreshList);
      row.insert(row.end(), pages.begin(), pages.end());
    }
    HeadState state{};
    std::ranges::copy(table.tokens, state.tokens);
    state.pages = uint32_t(row.size());
    own.pages += state.pages;
    device_.upload(&tables_.head(slot, int(h)), &state, sizeof state);
    device_.upload(tables_.row(slot, int(h)), row.data(), row.size() * sizeof(PageId));
    constants.push_back(sequence.memory[h].constants), curves.push_back(sequence.memory[h].curve);
  }
  set_constants(slot, constants, curves);
  device_.upload(chosen_ + slot, &sequence.lambda, sizeof(double));
}

void DeviceCache::write(PageId id, std::span<const std::byte> page) {
  LEANKV_CHECK(id < tables_.capacity && page.size() == std::size_t(tables_.page_bytes));
  device_.upload(tables_.page(id), page.data(), page.size());
}

void DeviceCache::check_integrity() {
  learn_totals();
  DeviceArray<uint32_t> seen(device_, tables_.capacity);
  DeviceArray<IntegrityCounts> faults(device_, 1);
  device_.fill(seen.data(), 0, seen.size() * sizeof(uint32_t));
  device_.fill(faults.data(), 0, sizeof(IntegrityCounts));
  const int blocks = int(slots_.size()) * tables_.heads() + 1;
  device_.launch<MarkPagesKernel>({blocks}, {tables_, int(slots_.size()), cache_->ring().first(), cache_->ring().free(),
                                             seen.data(), faults.data()});
  device_.launch<CheckPagesKernel>(grid_for(tables_.capacity, CheckPagesKernel::kThreads),
                                   {tables_.capacity, seen.data(), faults.data()});
  IntegrityCounts found;
  device_.download(&found, faults.data(), sizeof found);
  LEANKV_CHECK(found.out_of_range == 0 && found.bad_counts == 0 && found.not_once == 0);
  std::vector<HeadState> heads(slots_.size() * std::size_t(tables_.heads()));
  device_.download(heads.data(), tables_.head_states, heads.size() * sizeof(HeadState));
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    uint32_t pages = 0;
    for (int h = 0; h < tables_.heads(); ++h) pages += heads[slot * std::size_t(tables_.heads()) + h].pages;
    LEANKV_CHECK(pages == slots_[slot].pages);
  }
}

}  // namespace leankv
