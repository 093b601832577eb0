#include "app/bench/device_kernels.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "app/bench/lane.h"
#include "app/bench/measurement.h"
#include "app/bench/synthetic.h"
#include "backend/cache_usage.h"
#include "backend/cuda/cache_ops.h"
#include "backend/cuda/dense_ops.h"
#include "backend/judgement.h"
#include "base/error.h"
#include "engine/random.h"

namespace leankv {
namespace {

constexpr int kInARow = 10;                // steps of one repetition
constexpr double kShareOfFreeMemory = .8;  // the rest is tables, queries and partial results

// Of the work that fn queues.
template <class Fn>
double seconds_of(Device& device, Fn&& fn) {
  device.wait();
  const auto begin = std::chrono::steady_clock::now();
  fn();
  device.wait();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// A cache with `sequences` equal ones, filled but for `added` tokens.
struct FilledCache {
  FilledCache(Device& device, const CacheShape& shape, const BenchCase& what, const DepthNeed& need, int sequences)
      : inputs(device),
        ops(device, inputs, need.depth + need.added),
        cache(shape, what.policy.tiers, bench_pool_bytes(shape, what.policy, need, sequences), sequences,
              ops.make_keeper()) {
    leases.push_back(*cache.admit(what.policy, what.policy.tiers.front()));
    const bool filled = fill_synthetic(cache, leases.front().slot(), need.depth, recorded_shares(what));
    if (filled) bytes_read = double(bytes_read_of(usage_of(cache, leases.front().slot()), shape.head_dim)) * sequences;
    while (filled && int(leases.size()) < sequences) {
      std::optional<SequenceCache> copy = cache.copy(leases.front().slot());
      if (!copy) break;
      leases.push_back(std::move(*copy));
    }
    if (int(leases.size()) < sequences || !filled) throw Error(ErrorKind::kDoesNotFit, "bench: the pool is too small");
  }
  Batch step() const {
    Batch batch;
    const int token = 0;
    for (const SequenceCache& lease : leases) batch.add(lease.slot(), {&token, 1}, cache.state(lease.slot()).tokens);
    return batch;
  }
  bool extend() { return cache.extend(step().entries); }

  StepInputs inputs;
  CudaCacheOps ops;
  KvCache cache;
  std::vector<SequenceCache> leases;
  double bytes_read = 0;
};

nlohmann::ordered_json to_json(const AttentionPoint& p, double peak) {
  nlohmann::ordered_json one = {{"kv", p.kv}, {"depth", p.depth}, {"batch", p.batch}};
  if (!p.skipped.empty()) return one["skipped"] = p.skipped, one;
  const double gb_s = p.bytes / p.seconds.median / 1e9;
  one["us"] = p.seconds.median * 1e6, one["us_low"] = p.seconds.low * 1e6, one["us_high"] = p.seconds.high * 1e6;
  one["bytes"] = p.bytes, one["gb_s"] = gb_s, one["share_of_copy"] = gb_s * 1e9 / peak;
  return one;
}

}  // namespace

AttentionPoint measure_device_attention(Device& device, const CacheShape& shape, const BenchCase& what, int depth,
                                        int batch, int repeat) {
  AttentionPoint point{what.name, depth, batch, {}, 0, {}};
  const DepthNeed need{depth, 8, false};
  const double pool = double(bench_pool_bytes(shape, what.policy, need, batch));
  if (pool > kShareOfFreeMemory * double(device.free_bytes())) {
    point.skipped = "needs " + std::to_string(int64_t(pool / 1e6)) + " MB";
    return point;
  }
  FilledCache filled(device, shape, what, need, batch);
  LEANKV_CHECK(filled.extend());
  const Batch step = filled.step();
  const int columns = shape.kv_heads * shape.group * shape.head_dim;
  const std::vector<float> ones(std::size_t(batch) * std::size_t(columns), 1.0f);
  DeviceArray<float> q(device, ones.size()), out(device, ones.size());
  device.upload(q.data(), ones.data(), ones.size() * sizeof(float));
  const auto attend = [&] {
    for (int layer = 0; layer < shape.layers; ++layer) {
      filled.ops.attend(filled.cache, step, layer, {q.data(), batch, columns}, {out.data(), batch, columns});
    }
  };
  // No other's: memory of the points before may lie at the same addresses.
  const uint64_t key = uint64_t(std::chrono::steady_clock::now().time_since_epoch().count()) | 1;
  for (int i = 0; i < 3; ++i) device.repeat(key, attend);  // grows buffers, is recorded, is played back
  std::vector<double> seconds;
  for (int r = 0; r < repeat; ++r) {
    seconds.push_back(seconds_of(device,
                                 [&] {
                                   for (int i = 0; i < kInARow; ++i) device.repeat(key, attend);
                                 }) /
                      kInARow);
  }
  point.bytes = filled.bytes_read, point.seconds = spread_of(seconds);
  return point;
}

MemoryTimes measure_device_memory(Device& device, const CacheShape& shape, int sequences, int depth, int steps) {
  const BenchCase what{"safe", parse_policy("safe")};
  FilledCache filled(device, shape, what, {depth, steps + 8, false}, sequences);
  MemoryTimes times{sequences, 0, 0, 0};
  const double extending = seconds_of(device, [&] {
    for (int i = 0; i < steps; ++i) LEANKV_CHECK(filled.extend());
  });
  times.extend_ms = 1e3 * extending / steps;
  ThreadPool threads(1);
  const double reviewing = seconds_of(device, [&] {
    for (const SequenceCache& lease : filled.leases) {
      LEANKV_CHECK(filled.cache.can_judge());
      review(filled.cache, threads, lease.slot(), kNoLimit);
    }
  });
  times.review_ms = 1e3 * reviewing / sequences;
  times.release_ms = 1e3 * seconds_of(device, [&] { filled.leases.pop_back(); });
  filled.cache.check_integrity();
  return times;
}

DrawTimes measure_device_draws(Device& device, int rows, int vocabulary, int repeat) {
  StepInputs inputs(device);
  CudaDenseOps ops(device, inputs);
  Random random(1);
  const std::size_t n = std::size_t(rows);
  std::vector<float> values(n * std::size_t(vocabulary));
  for (float& x : values) x = float(8 * (random.uniform() + random.uniform() + random.uniform()));
  DeviceArray<float> logits(device, values.size());
  device.upload(logits.data(), values.data(), values.size() * sizeof(float));
  const auto milliseconds = [&](const DrawRule& rule) {
    std::vector<TokenDraw> draws(n);
    for (std::size_t r = 0; r < n; ++r) draws[r].row = int(r), draws[r].rule = rule;
    std::vector<int> tokens(n);
    const auto draw = [&] { ops.draw({logits.data(), rows, vocabulary}, draws, tokens); };
    draw();
    std::vector<double> seconds;
    for (int i = 0; i < repeat; ++i) seconds.push_back(seconds_of(device, draw));
    return 1e3 * spread_of(seconds).median;
  };
  const DrawRule by_default{.temperature = .8, .top_k = 40, .top_p = .95, .log_min_p = std::log(.05), .random = .5};
  return {rows, vocabulary, milliseconds({}), milliseconds(by_default), milliseconds({.temperature = 1, .random = .5})};
}

nlohmann::ordered_json measure_device_kernels(Device& device, const KernelPlan& plan) {
  StepInputs inputs(device);
  const double peak = *CudaCacheOps(device, inputs, 1).measure_copy_peak();
  nlohmann::ordered_json json = {{"device", device.name()}, {"copy_gb_s", peak / 1e9}};
  for (const BenchCase& what : plan.cases) {
    for (const int depth : plan.depths) {
      for (const int batch : plan.batches) {
        json["attention"].push_back(
            to_json(measure_device_attention(device, plan.attention, what, depth, batch, plan.repeat), peak));
      }
    }
  }
  const MemoryTimes t =
      measure_device_memory(device, plan.memory, plan.sequences, plan.memory_depth, plan.memory_steps);
  json["memory"] = {{"sequences", t.sequences},
                    {"heads", plan.memory.heads()},
                    {"extend_ms", t.extend_ms},
                    {"review_ms", t.review_ms},
                    {"release_ms", t.release_ms}};
  const DrawTimes d = measure_device_draws(device, plan.sequences, plan.vocabulary, plan.repeat);
  json["draw"] = {{"rows", d.rows},
                  {"vocabulary", d.vocabulary},
                  {"best_ms", d.best_ms},
                  {"default_ms", d.default_ms},
                  {"all_ms", d.all_ms}};
  return json;
}

}  // namespace leankv
