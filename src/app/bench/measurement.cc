#include "app/bench/measurement.h"

#include <algorithm>
#include <memory>

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

// A recorded mix, in the order of the policy's tiers; nothing for policies that do not judge.
std::vector<std::vector<double>> shares_for(const BenchCase& what) {
  if (!what.policy.judges()) return {};
  const TierMix* mix = find_mix(what.name);
  if (mix != nullptr && mix->tiers == what.policy.tiers) return mix->shares;
  std::string names;
  for (const TierMix& m : recorded_tier_mixes()) names += (names.empty() ? "" : ", ") + m.kv;
  throw Error(ErrorKind::kUnsupported, "--kv " + what.name +
                                           ": no mix of tiers is recorded to fill pages with; recorded are " + names +
                                           " (--fill real computes a prompt instead)");
}

PointResult point_at(const std::string& kv, int depth, int batch) {
  PointResult point;
  point.kv = kv, point.depth = depth, point.batch = batch;
  return point;
}

}  // namespace

int BenchPlan::added() const { return std::max(chunk, repeat * steps + kWarmSteps) + 1; }

BenchPlan make_bench_plan(const BenchOptions& options, int chunk, int head_dim) {
  BenchPlan plan;
  plan.cases = parse_bench_cases(options.kv, head_dim);
  plan.depths = ascending(options.depths, kDefaultDepths);
  plan.batches = ascending(options.batches, kDefaultBatches);
  plan.repeat = options.repeat;
  plan.steps = options.steps > 0 ? options.steps : chosen_steps(plan.cases, options.repeat);
  plan.chunk = chunk;
  plan.fill = options.fill;
  plan.random_weights = !options.shape.empty();
  return plan;
}

Measurement::Measurement(Engine& engine, const BenchPlan& plan, std::span<const int> text,
                         const BenchProgress& progress)
    : engine_(engine), plan_(plan), text_(text), progress_(progress) {
  LEANKV_CHECK(int(text.size()) >= plan.context());
}

std::vector<PointResult> Measurement::run() {
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
  const int64_t free_bytes = int64_t(double(free_memory_bytes()) * kShareOfFreeMemory);
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
  prompt_tok_s_.assign(plans.size(), std::nullopt);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    lanes.push_back(nullptr);
    if (plans[i].batches.empty()) continue;
    lanes.back() = std::make_unique<Lane>(engine_, plan_.cases[i], plans[i], need);
    if (need.depth > 0) fill(*lanes.back(), prompt_tok_s_[i], need.depth);
  }
  return lanes;
}

void Measurement::fill(Lane& lane, std::optional<double>& prompt_tok_s, int depth) {
  if (!is_real(depth)) return lane.fill_from(shares_for(lane.what()));
  prompt_tok_s = depth / lane.fill(text_.first(std::size_t(depth)));
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
    points.back().prompt_tok_s = prompt_tok_s_[i];
    if (depth > 0) points.back().ratio_page_true = lanes[i]->usage().ratio();
  }
  measure_prefill(measured, points);
  measure_decode(measured, points);
  std::ranges::move(points, std::back_inserter(points_));
}

// A chunk of new tokens, shared by the sequences.
void Measurement::measure_prefill(std::span<Lane* const> lanes, std::span<PointResult> points) {
  std::vector<std::vector<double>> tok_s(lanes.size());
  for (int r = 0; r < plan_.repeat; ++r) {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      const int each = std::max(1, plan_.chunk / points[i].batch);
      const auto tokens = text_.subspan(std::size_t(points[i].depth), std::size_t(each));
      tok_s[i].push_back(each * points[i].batch / lanes[i]->prefill(points[i].batch, tokens));
    }
  }
  for (std::size_t i = 0; i < lanes.size(); ++i) points[i].prefill_tok_s = spread_of(tok_s[i]);
}

void Measurement::measure_decode(std::span<Lane* const> lanes, std::span<PointResult> points) {
  std::vector<std::vector<double>> step_seconds(lanes.size());
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    lanes[i]->begin_decode(points[i].batch, text_.subspan(std::size_t(points[i].depth)));
    lanes[i]->decode(kWarmSteps);
  }
  for (int r = 0; r < plan_.repeat; ++r) {
    for (std::size_t i = 0; i < lanes.size(); ++i) step_seconds[i].push_back(lanes[i]->decode(plan_.steps));
  }
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    finish_point(*lanes[i], step_seconds[i], points[i]);
    lanes[i]->end_decode();
  }
}

// Every step carries its share of the reviews, which come once in an interval.
void Measurement::finish_point(Lane& lane, std::span<const double> step_seconds, PointResult& point) {
  const ReviewTime& reviews = lane.reviews();
  const double per_step =
      reviews.reviews == 0 ? 0 : reviews.seconds / reviews.reviews * point.batch / lane.what().policy.review_interval;
  std::vector<double> tok_s;
  for (double seconds : step_seconds) tok_s.push_back(point.batch / (seconds + per_step));
  point.decode_tok_s = spread_of(tok_s);
  point.review_share = per_step * point.decode_tok_s.median / point.batch;
  point.bytes_per_step = double(engine_.weights().packed_bytes() + lane.bytes_read());
  point.gb_s = point.bytes_per_step * point.decode_tok_s.median / point.batch / 1e9;
  point.share_of_peak = point.gb_s * 1e9 / plan_.peak_bytes_per_second;
}

}  // namespace leankv
