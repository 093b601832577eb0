// Small caches, random tensors and decoded contents that the tests of the cache share.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/cache_ops.h"
#include "backend/kv_cache.h"
#include "backend/reference/cache_ops.h"
#include "base/half.h"
#include "kv/page_view.h"

namespace leankv::testing {

inline constexpr double kHalfUnit = 0x1p-11;   // the largest relative error of one rounding to half
inline constexpr double kFloatUnit = 0x1p-24;  // the same to float

// One implementation of CacheOps: the reference (no isa) or the CPU's with one instruction set.
struct OpsCase {
  std::optional<Isa> isa;
  std::string name() const { return isa ? "cpu_" + std::string(isa_name(*isa)) : "reference"; }
  std::unique_ptr<CacheOps> make(ThreadPool& threads) const {
    if (!isa) return std::make_unique<ReferenceCacheOps>();
    return std::make_unique<CpuCacheOps>(threads, *isa);
  }
};
inline std::vector<OpsCase> cpu_ops() {
  std::vector<OpsCase> all;
  for (const Isa isa : available_isas()) all.push_back({isa});
  return all;
}
inline std::vector<OpsCase> all_ops() {
  std::vector<OpsCase> all = cpu_ops();
  all.insert(all.begin(), OpsCase{});
  return all;
}

inline std::vector<float> random_floats(std::size_t n, std::mt19937& random, float deviation = 1) {
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> x(n);
  for (float& value : x) value = normal(random);
  return x;
}
// Values that IEEE half holds: a cache at 16 bits keeps them as they are.
inline std::vector<float> random_halves(std::size_t n, std::mt19937& random, float deviation = 1) {
  std::vector<float> x = random_floats(n, random, deviation);
  for (float& value : x) value = half_to_float(float_to_half(value));
  return x;
}

// The inputs of one layer for some rows.
struct LayerInputs {
  int rows;
  std::vector<float> q, k, v;  // [rows, kv_heads * group * head_dim], [rows, kv_heads * head_dim] twice
};
inline LayerInputs random_inputs(const CacheShape& shape, int rows, std::mt19937& random) {
  const std::size_t columns = std::size_t(rows) * shape.kv_heads * shape.head_dim;
  return {rows, random_floats(columns * shape.group, random), random_halves(columns, random),
          random_halves(columns, random)};
}
inline ConstMatrix matrix_of(const std::vector<float>& x, int rows) { return {x.data(), rows, int(x.size()) / rows}; }

// Extends, appends and attends in layer 0; the attention's outputs [rows, columns of q].
inline std::vector<float> run_step(KvCache& cache, CacheOps& ops, const Batch& batch, const LayerInputs& in) {
  LEANKV_CHECK(cache.extend(batch.entries));
  std::vector<float> out(in.q.size());
  ops.append(cache, batch, 0, matrix_of(in.k, in.rows), matrix_of(in.v, in.rows));
  ops.attend(cache, batch, 0, matrix_of(in.q, in.rows), {out.data(), in.rows, int(in.q.size()) / in.rows});
  return out;
}

// One stored token of a head, decoded.
struct StoredToken {
  int list;
  uint16_t significance;
  std::vector<float> key, value;
};
// All of a head, in the order of their numbers: judged lists, then the fresh tokens.
inline std::vector<StoredToken> stored_tokens(const KvCache& cache, SlotId slot, int layer, int head) {
  std::vector<StoredToken> tokens;
  const auto visit = [&](int list) {
    const PageLayout& layout = cache.list_layout(slot, list);
    cache.head(slot, layer, head).for_each_page(list, layout.tokens, [&](PageId id, int n) {
      const PageView page(layout, const_cast<std::byte*>(cache.page(id)));
      for (int t = 0; t < n; ++t) {
        StoredToken& token = tokens.emplace_back();
        token = {list, page.significance(t), std::vector<float>(layout.head_dim), std::vector<float>(layout.head_dim)};
        page.decode_key(t, token.key.data());
        page.decode_value(t, token.value.data());
      }
    });
  };
  for (int list = 1; list < cache.state(slot).lists(); ++list) visit(list);
  visit(kFreshList);
  return tokens;
}

}  // namespace leankv::testing
