// From what a prompt showed to what the choice needs, as backend/statistics.cc has it: stored significance per token,
// curve and constants per head. One block per head.
#pragma once

#include "backend/cuda/cache_tables.h"
#include "backend/cuda/row_codec.cuh"
#include "backend/cuda/step_entry.h"
#include "kv/threshold_rules.h"

namespace leankv {

// First tokens that are left out of means, tokens before the recent queries that are left out of the curve:
// backend/sequence_state.h, which is no device code.
inline constexpr int kFirstLeftOut = 4, kLastLeftOut = 16;

struct SettleTask {
  int slot;
  int tokens;  // of the sequence
  QueryWindows windows;
  bool blended;     // score_of (kv/seen_windows.h)
  int last_review;  // of the sequence
  bool first;       // no judgement came before
  int first_head;
  GatherSums sums;
  double prune_penalty;
  int tiers;
  TierId tier[kMaxPolicyTiers];
  const double* output_energy;  // [all heads]
  // Points of the curves: score before the recent queries and significance over them, as the bits of floats >= 0.
  uint32_t *past, *future;  // [heads, room]
  uint32_t *begins, *ends;  // [heads] in them
  int room;
  const Curve* prior;        // [all heads], or null
  Curve* curves;             // [slots, all heads]
  HeadConstants* constants;  // [slots, all heads]
};

struct SettleKernel {
  static constexpr int kThreads = 256;
  struct Shared {};
  struct Params {
    CacheTables tables;
    SettleTask task;
  };

  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const SettleTask& task = p.task;
    const int head = task.first_head + block.index();
    const HeadState& state = p.tables.head(task.slot, head);
    const RowMap map(p.tables, task.slot, head);
    const int judged = int(map.first_number[kFreshList]), fresh = int(state.tokens[kFreshList]);
    const int born = task.tokens - fresh;  // position of the first fresh token
    const int low = clamp_index(kFirstLeftOut - born, fresh);
    const int high = clamp_index(task.windows.recent_from() - kLastLeftOut - born, fresh);
    const uint32_t first = uint32_t(block.index()) * uint32_t(task.room);
    if (block.thread() == 0) {
      task.begins[block.index()] = first;
      task.ends[block.index()] = first + uint32_t(judged + (high > low ? high - low : 0));
    }
    for (int list = 0; list < p.tables.slots[task.slot].lists; ++list) {
      for (int t = block.thread(); t < int(state.tokens[list]); t += kThreads) {
        uint16_t& bits = significance_of(p, head, map, list, t);
        const int number = int(map.first_number[list]) + t;
        const TokenScore score =
            list == kFreshList ? fresh_score(p, head, born + t, number, bits) : judged_score(p, head, number, bits);
        bits = make_significance(score.level, units_or_pin(bits, query_units(score.queries)));
        if (list == kFreshList && (t < low || t >= high)) continue;
        const int point = list == kFreshList ? judged + t - low : number;
        task.past[first + uint32_t(point)] = std::bit_cast<uint32_t>(score.past);
        task.future[first + uint32_t(point)] = std::bit_cast<uint32_t>(score.future);
      }
    }
  }
  LEANKV_HD static int clamp_index(int i, int tokens) { return i < 0 ? 0 : i < tokens ? i : tokens; }

  LEANKV_HD static uint16_t& significance_of(const Params& p, int head, const RowMap& map, int list, int token) {
    const TierLayout& tier = p.tables.list_layout(p.task.slot, list);
    const PageId page = p.tables.row(p.task.slot, head)[map.first_page[list] + uint32_t(token / tier.tokens)];
    return significance_at(tier, p.tables.page(page), token % tier.tokens);
  }
  // What HeadHistory of backend/statistics.cc says of a token.
  LEANKV_HD static TokenScore judged_score(const Params& p, int head, int number, uint16_t prior) {
    return score(p, head, number, prior, significance_units(prior) * kQueryUnit, p.task.last_review);
  }
  LEANKV_HD static TokenScore fresh_score(const Params& p, int head, int position, int number, uint16_t prior) {
    const bool before = p.task.last_review > position;
    return score(p, head, number, prior, before ? p.task.last_review - position : 0,
                 before ? p.task.last_review : position);
  }
  LEANKV_HD static TokenScore score(const Params& p, int head, int number, uint16_t prior, int prior_queries,
                                    int since) {
    const GatherSums& sums = p.task.sums;
    const std::size_t of_window = std::size_t(p.tables.heads()) * std::size_t(sums.capacity);
    const std::size_t at = std::size_t(head) * std::size_t(sums.capacity) + std::size_t(number);
    TokenSeen seen;
    seen.prior_queries = prior_queries;
    seen.prior_sum = mean_of_level(significance_level(prior)) * float(prior_queries);
    for (int w = 0; w < kWindows; ++w) {
      seen.sum[w] = number < sums.capacity ? sums.seen[std::size_t(w) * of_window + at] : 0.0f;
      seen.queries[w] = p.task.windows.queries(w, since, p.task.tokens);
    }
    return score_of(seen, p.task.blended, p.tables.slots[p.task.slot].paper && seen.prior_sum == 0);
  }
};

// fit_curve (kv/forecast.h) on points that are sorted by the past.
struct CurveKernel {
  static constexpr int kThreads = 256;
  static constexpr double kSmallestMean = 1e-14;  // as there
  struct Params {
    SettleTask task;
    int slot_head;  // slot * all heads
  };
  struct Shared {
    BlockSums<double, kThreads> sums;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const SettleTask& task = p.task;
    const uint32_t begin = task.begins[block.index()], tokens = task.ends[block.index()] - begin;
    if (tokens < uint32_t(kCurvePoints)) return;
    const uint32_t smaller = tokens / kCurvePoints, larger_bins = tokens % kCurvePoints;
    Curve curve;
    double highest = 0;
    uint32_t first = begin;
    for (uint32_t bin = 0; bin < uint32_t(kCurvePoints); ++bin) {
      const uint32_t members = smaller + (bin < larger_bins ? 1 : 0);
      const double past = mean(block, task.past + first, members), future = mean(block, task.future + first, members);
      highest = future > highest ? future : highest;
      curve.log_past[bin] = float(exact_log10(past + kSmallestMean));
      curve.log_future[bin] = float(exact_log10(highest + kSmallestMean));
      first += members;
    }
    if (block.thread() != 0) return;
    const int head = task.first_head + block.index();
    if (task.prior != nullptr) curve = blend_of(curve, tokens, task.prior[head]);
    store(task.curves[p.slot_head + head], curve, task.first);
  }
  template <class Block>
  LEANKV_HD static double mean(Block& block, const uint32_t* values, uint32_t n) {
    double sum = 0;
    for (uint32_t i = uint32_t(block.thread()); i < n; i += kThreads) sum += std::bit_cast<float>(values[i]);
    return block.template shared<Shared>().sums.sum(block, sum) / double(n);
  }
  // A refit never forecasts less than before.
  LEANKV_HD static void store(Curve& to, const Curve& fresh, bool first) {
    const Curve previous = to;
    to = fresh;
    for (int i = 0; i < kCurvePoints && !first; ++i) {
      const float before = forecast_log10_of(previous, fresh.log_past[i]);
      to.log_future[i] = fresh.log_future[i] < before ? before : fresh.log_future[i];
    }
  }
};

// docs/compression.md: D = w I (r ek + ev), D_pruned = rho w I r.
template <int kMost>
struct ConstantsKernel {
  static constexpr int kThreads = 256, kWarps = kThreads / kWarp;
  static constexpr int kErrorSample = 128;  // as in backend/statistics.cc
  struct Params {
    CacheTables tables;
    SettleTask task;
  };
  struct Shared {
    BlockSums<double, kThreads> sums;
    CodeRow rows[kWarps][2];
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const SettleTask& task = p.task;
    auto& sums = block.template shared<Shared>().sums;
    const int head = task.first_head + block.index(), d = p.tables.head_dim;
    if (task.ends[block.index()] - task.begins[block.index()] < uint32_t(kCurvePoints)) return;
    double key_error[kMaxPolicyTiers] = {}, value_error[kMaxPolicyTiers] = {};
    const int samples = measure(block, p, head, key_error, value_error);
    const double recent = task.tokens - task.windows.recent_from(), outputs = recent * p.tables.group;
    const double values = task.tokens - kFirstLeftOut;
    double loss = 0;  // mean ||v - o||^2, but for ||v||^2
    for (int c = block.thread(); c < d; c += kThreads) {
      const double o = task.sums.output_sum[head * d + c] / outputs;
      loss += o * o - 2 * o * task.sums.value_sum[head * d + c] / values;
    }
    const double energy = task.output_energy[head];
    const double r = (task.sums.value_energy[head] / values + sums.sum(block, loss)) * energy;
    const double query = task.sums.query_energy[head] / outputs / d / d;
    const double w = recent / task.sums.residual_energy[head / p.tables.kv_heads];
    HeadConstants constants{};
    for (int t = 0; t < kMaxPolicyTiers; ++t) {
      const double key = sums.sum(block, key_error[t]) / samples, value = sums.sum(block, value_error[t]) / samples;
      if (t < task.tiers) constants.cost[t] = w * (r * key * query + value * energy);
    }
    constants.cost[task.tiers] = task.prune_penalty * w * r;
    if (block.thread() == 0) task.constants[p.tables.head_index(task.slot, head)] = constants;
  }

  // Squared error of each tier over a sample of the fresh tokens, two tokens a warp; this thread's share of it.
  template <class Block>
  LEANKV_HD static int measure(Block& block, const Params& p, int head, double* key_error, double* value_error) {
    const SettleTask& task = p.task;
    const RowMap map(p.tables, task.slot, head);
    const TierLayout& fresh = p.tables.list_layout(task.slot, kFreshList);
    const int n = int(p.tables.head(task.slot, head).tokens[kFreshList]);
    const int first = task.tokens == n ? (kFirstLeftOut < n ? kFirstLeftOut : n - 1) : 0;
    const int stride = (n - first) / kErrorSample > 1 ? (n - first) / kErrorSample : 1;
    const int samples = (n - first + stride - 1) / stride;
    for (int pair = 2 * block.warp(); pair < samples; pair += 2 * kWarps) {
      const int sample = pair + block.lane() / kHalfWarp, token = first + sample * stride;
      const bool exists = sample < samples;
      const uint32_t at = exists ? uint32_t(token) : uint32_t(first);
      std::byte* page =
          p.tables.page(p.tables.row(task.slot, head)[map.first_page[kFreshList] + at / uint32_t(fresh.tokens)]);
      add_errors(block, p, fresh.key, true, page, int(at % uint32_t(fresh.tokens)), exists, key_error);
      add_errors(block, p, fresh.value, false, page, int(at % uint32_t(fresh.tokens)), exists, value_error);
    }
    return samples;
  }
  template <class Block>
  LEANKV_HD static void add_errors(Block& block, const Params& p, const SideLayout& side, bool is_key, std::byte* page,
                                   int token, bool exists, double* errors) {
    CodeRow& row = block.template shared<Shared>().rows[block.warp()][block.lane() / kHalfWarp];
    const int n = side.head_dim / kHalfWarp;
    block.sync_warp();
    read_row(side, page, token, row, half_lane(block));
    block.sync_warp();
    const LaneRow<kMost> x = decode_row<kMost>(block, side.codec, row, n);
    for (int t = 0; t < kMaxPolicyTiers; ++t) {
      if (t >= p.task.tiers) break;
      const TierLayout& tier = p.tables.tiers[int(p.task.tier[t])];
      const CodecId codec = is_key ? tier.key.codec : tier.value.codec;
      block.sync_warp();
      encode_row(block, codec, x, n, row);
      block.sync_warp();
      const LaneRow<kMost> back = decode_row<kMost>(block, codec, row, n);
      for (int i = 0; i < kMost; ++i) {
        const double error = double(back.x[i]) - x.x[i];
        if (exists && i < n) errors[t] += error * error;
      }
    }
  }
};

}  // namespace leankv
