#include "app/bench/measurement.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "backend/timed_ops.h"
#include "base/error.h"
#include "engine/pool_size.h"

namespace leankv {
namespace {

constexpr int kWarmSteps = 2;               // of decode, not counted: caches and branch predictors
constexpr double kShareOfFreeMemory = 0.9;  // the rest is scratch, and other programs'

int longest_review_interval(std::span<const BenchCase> cases) {
  int interval = 0;
  for (const BenchCase& c : cases) interval = std::max(interval, c.policy.judges() ? c.policy.review_interval : 0);
  return interval;
}

int sampling_interval(std::span<const BenchCase> cases) {
  int interval = 1;
  for (const BenchCase& c : cases) interval = std::max(interval, c.policy.judges() ? c.policy.sample_interval : 1);
  return interval;
}

int chosen_steps(std::span<const BenchCase> cases, int repeat) {
  constexpr int kLeast = 16;
  const int sample = sampling_interval(cases);
  const int needed = std::max(kLeast, (longest_review_interval(cases) + repeat - 1) / repeat);
  return (needed + sample - 1) / sample * sample;
}

std::vector<int> ascending(std::span<const int> given, std::span<const int> fallback) {
  std::vector<int> list(given.begin(), given.end());
  if (list.empty()) list.assign(fallback.begin(), fallback.end());
  std::ranges::sort(list);
  list.erase(std::ranges::unique(list).begin(), list.end());
  return list;
}

const TierMix* find_mix(const std::string& kv) {
  for (const TierMix& mix : recorded_tier_mixes()) {
    if (mix.kv == kv) return &mix;
  }
  return nullptr;
}

void add_prompts(std::span<const LaneTime> runs, int depth, bool phases, PointResult& point) {
  if (runs.empty()) return;
  std::vector<double> tok_s;
  LaneTime all;
  for (const LaneTime& run : runs) {
    tok_s.push_back(depth / run.seconds());
    all += run;
  }
  point.prompt_tok_s = spread_of(tok_s);
  if (phases) point.prompt_phases = all.shares();
}

PointResult point_at(const std::string& kv, int depth, int batch) {
  PointResult point;
  point.kv = kv, point.depth = depth, point.batch = batch;
  return point;
}

}  // namespace

std::vector<std::vector<double>> recorded_shares(const BenchCase& what) {
  if (!what.policy.judges()) return {};
  const TierMix* mix = find_mix(what.name);
  if (mix != nullptr && mix->tiers == what.policy.tiers) return mix->shares;
  std::string names;
  for (const TierMix& m : recorded_tier_mixes()) names += (names.empty() ? "" : ", ") + m.kv;
  throw Error(ErrorKind::kUnsupported, "--kv " + what.name +
                                           ": no mix of tiers is recorded to fill pages with; recorded are " + names +
                                           " (--fill real computes a prompt instead)");
}

int BenchPlan::added() const { return std::max(chunk, repeat * steps + kWarmSteps) + 1; }

BenchPlan make_bench_plan(const BenchOptions& options, int chunk, int head_dim) {
  BenchPlan plan;
  plan.cases = parse_bench_cases(options.kv, head_dim);
  plan.depths = ascending(options.depths, kDefaultDepths);
  plan.batches = ascending(options.batches, kDefaultBatches);
  plan.repeat = options.repeat;
  plan.prompt_repeat = options.prompt_repeat;
  plan.steps = options.steps > 0 ? options.steps : chosen_steps(plan.cases, options.repeat);
  plan.chunk = chunk;
  plan.fill = options.fill;
  plan.phases = options.phases;
  plan.random_weights = !options.shape.empty();
  return plan;
}

Measurement::Measurement(Engine& engine, const BenchPlan& plan, std::span<const int> text, BenchProgress progress)
    : engine_(engine), plan_(plan), text_(text), progress_(std::move(progress)) {
  LEANKV_CHECK(int(text.size()) >= plan.context());
  if (!plan.phases) return;
  timer_ = std::make_unique<PhaseTimer>(engine.threads().size());
  time_operations(engine.backend(), *timer_);
}

std::vector<PointResult> Measurement::run() {
  // What a device gave the engine's own pool it gives to the others; the host's memory is asked for anew at each depth.
  if (engine_.cache().keeper() != nullptr) device_bytes_ = engine_.cache().pool_bytes();
  engine_.exchange_cache(nullptr);  // its memory is needed for those that are measured
  for (std::size_t i = 0; i < plan_.depths.size(); ++i) {
    measure_depth(plan_.depths[i]);
    if (progress_) progress_(double(i + 1) / double(plan_.depths.size()));
  }
  return points_;
}

bool Measurement::is_real(int depth) const {
  if (plan_.fill != BenchFill::kAuto) return plan_.fill == BenchFill::kReal;
  return depth == 0 || (!plan_.random_weights && depth <= engine_.config().context);
}

void Measurement::measure_depth(int depth) {
  const ModelConfig& c = engine_.config();
  const CacheShape shape{c.layers, c.kv_heads, c.group(), c.head_dim};
  const DepthNeed need{depth, plan_.added(), is_real(depth)};
  const int64_t free_bytes = int64_t(double(device_bytes_.value_or(free_memory_bytes())) * kShareOfFreeMemory);
  const std::vector<CasePlan> plans = plan_depth(shape, plan_.cases, plan_.batches, need, free_bytes);
  const Lanes lanes = make_lanes(plans, need);
  for (int batch : plan_.batches) {
    measure_batch(lanes, depth, batch);
    for (std::size_t i = 0; i < plans.size(); ++i) {
      for (const auto& [skipped, reason] : plans[i].skipped) {
        if (skipped != batch) continue;
        points_.push_back(point_at(plan_.cases[i].name, depth, batch));
        points_.back().skipped = reason;
      }
    }
  }
}

Measurement::Lanes Measurement::make_lanes(std::span<const CasePlan> plans, const DepthNeed& need) {
  Lanes lanes;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    lanes.push_back(nullptr);
    if (plans[i].batches.empty()) continue;
    lanes.back() = std::make_unique<Lane>(engine_, plan_.cases[i], plans[i], need, timer_.get());
  }
  fill(lanes, need.depth);
  return lanes;
}

// Real prompts in turn, as everything that is measured.
void Measurement::fill(const Lanes& lanes, int depth) {
  prompts_.assign(lanes.size(), {});
  if (depth == 0) return;
  for (int r = 0; r < (is_real(depth) ? plan_.prompt_repeat : 1); ++r) {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      if (!lanes[i]) continue;
      if (is_real(depth)) {
        prompts_[i].push_back(lanes[i]->fill(text_.first(std::size_t(depth))));
      } else {
        lanes[i]->fill_from(recorded_shares(lanes[i]->what()));
      }
    }
  }
  for (const auto& lane : lanes) {
    if (lane && is_real(depth)) note_mix(*lane);
  }
}

void Measurement::note_mix(const Lane& lane) {
  if (lane.cache().state(lane.slot()).judgements == 0) return;
  std::erase_if(mixes_, [&](const TierMix& m) { return m.kv == lane.what().name; });
  mixes_.push_back(tier_mix_of(lane.what().name, lane.cache(), lane.slot()));
}

void Measurement::measure_batch(const Lanes& lanes, int depth, int batch) {
  std::vector<Lane*> measured;
  std::vector<PointResult> points;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (!lanes[i] || std::ranges::count(lanes[i]->plan().batches, batch) == 0) continue;
    measured.push_back(lanes[i].get());
    points.push_back(point_at(plan_.cases[i].name, depth, batch));
    points.back().synthetic = !is_real(depth);
    add_prompts(prompts_[i], depth, timer_ != nullptr, points.back());
    if (depth > 0) points.back().ratio_page_true = lanes[i]->usage().ratio();
  }
  measure_prefill(measured, points);
  measure_decode(measured, points);
  std::ranges::move(points, std::back_inserter(points_));
}

// A chunk of new tokens, shared by the sequences.
void Measurement::measure_prefill(std::span<Lane* const> lanes, std::span<PointResult> points) {
  std::vector<std::vector<double>> tok_s(lanes.size());
  std::vector<LaneTime> total(lanes.size());
  for (int r = 0; r < plan_.repeat; ++r) {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      const int each = std::max(1, plan_.chunk / points[i].batch);
      const auto tokens = text_.subspan(std::size_t(points[i].depth), std::size_t(each));
      const LaneTime time = lanes[i]->prefill(points[i].batch, tokens);
      tok_s[i].push_back(each * points[i].batch / time.seconds());
      total[i] += time;
    }
  }
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    points[i].prefill_tok_s = spread_of(tok_s[i]);
    if (timer_) points[i].prefill_phases = total[i].shares();
  }
}

void Measurement::measure_decode(std::span<Lane* const> lanes, std::span<PointResult> points) {
  std::vector<std::vector<LaneTime>> times(lanes.size());
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    lanes[i]->begin_decode(points[i].batch, text_.subspan(std::size_t(points[i].depth)));
    lanes[i]->decode(kWarmSteps);
  }
  for (int r = 0; r < plan_.repeat; ++r) {
    for (std::size_t i = 0; i < lanes.size(); ++i) times[i].push_back(lanes[i]->decode(plan_.steps));
  }
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    finish_decode(*lanes[i], times[i], points[i]);
    lanes[i]->end_decode();
  }
}

// Every step carries its share of the reviews, which come once in an interval.
void Measurement::finish_decode(const Lane& lane, std::span<const LaneTime> times, PointResult& point) const {
  LaneTime all;
  for (const LaneTime& time : times) all += time;
  const int steps = plan_.steps * int(times.size());
  const double reviews_due = double(point.batch) * steps / lane.what().policy.review_interval;
  if (all.reviews > 0) all.settle_seconds *= reviews_due / all.reviews;
  std::vector<double> tok_s;
  for (const LaneTime& time : times) {
    tok_s.push_back(point.batch / (time.step_seconds / plan_.steps + all.settle_seconds / steps));
  }
  point.decode_tok_s = spread_of(tok_s);
  point.review_share = all.settle_seconds / all.seconds();
  if (timer_) point.decode_phases = all.shares();
  point.bytes_per_step = double(engine_.weights().packed_bytes() + lane.bytes_read());
  point.gb_s = point.bytes_per_step * point.decode_tok_s.median / point.batch / 1e9;
}

}  // namespace leankv
