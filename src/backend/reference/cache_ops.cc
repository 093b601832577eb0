#include "backend/reference/cache_ops.h"

#include <algorithm>
#include <cmath>

#include "backend/append.h"
#include "backend/observation.h"
#include "backend/row_transform.h"
#include "kv/page_view.h"

namespace leankv {
namespace {

// All rows of a head, decoded, in the order of their numbers.
struct DecodedHead {
  std::vector<std::vector<float>> keys, values;  // [tokens][head_dim]
};

DecodedHead decode(const KvCache& cache, SlotId slot, int layer, int head) {
  DecodedHead rows;
  const auto decode_page = [&](int, const PageLayout& layout, PageId id, int tokens) {
    const PageView page(layout, const_cast<std::byte*>(cache.page(id)));
    for (int t = 0; t < tokens; ++t) {
      page.decode_key(t, rows.keys.emplace_back(layout.head_dim).data());
      page.decode_value(t, rows.values.emplace_back(layout.head_dim).data());
    }
  };
  cache.for_each_page(slot, cache.head(slot, layer, head), decode_page);
  return rows;
}

// Softmax over the first `visible` tokens.
std::vector<double> probabilities(const DecodedHead& rows, const std::vector<float>& q, int visible) {
  std::vector<double> p(visible);
  for (int t = 0; t < visible; ++t) {
    for (std::size_t c = 0; c < q.size(); ++c) p[t] += double(q[c]) * rows.keys[t][c];
    p[t] /= std::sqrt(double(q.size()));
  }
  const double max = *std::ranges::max_element(p);
  double sum = 0;
  for (double& x : p) sum += x = std::exp(x - max);
  for (double& x : p) x /= sum;
  return p;
}

std::vector<float> weighted_values(const DecodedHead& rows, const std::vector<double>& p, int head_dim) {
  std::vector<double> sum(head_dim);
  for (std::size_t t = 0; t < p.size(); ++t) {
    for (int c = 0; c < head_dim; ++c) sum[c] += p[t] * rows.values[t][c];
  }
  return {sum.begin(), sum.end()};
}

// Adds one row's share to the sums (kv/significance.h). p [group][visible].
void observe(const std::vector<std::vector<double>>& p, bool paper, std::size_t tokens, std::vector<float>& sums) {
  sums.resize(tokens);
  for (std::size_t t = 0; t < p[0].size(); ++t) {
    double square = 0, largest = 0;
    for (const auto& one : p) square += one[t] * one[t], largest = std::max(largest, one[t]);
    sums[t] += float(paper ? largest : square);
  }
}

void attend_head(KvCache& cache, const BatchEntry& entry, int layer, int head, ConstMatrix q, Matrix out) {
  const SequenceState& sequence = cache.state(entry.slot);
  const CacheShape& shape = cache.shape();
  const DecodedHead rows = decode(cache, entry.slot, layer, head);
  Observation seen;
  for (int r = 0; r < entry.rows; ++r) {
    const int visible = int(rows.keys.size()) - (entry.rows - 1 - r);
    std::vector<std::vector<double>> p;
    for (int g = 0; g < shape.group; ++g) {
      const int first = (head * shape.group + g) * shape.head_dim;
      const float* from = q.row(entry.first_row + r) + first;
      std::vector<float> query(from, from + shape.head_dim);
      transform_query(kScalarRowCodec, sequence.policy, shape.head_dim, query.data());
      p.push_back(probabilities(rows, query, visible));
      std::vector<float> result = weighted_values(rows, p.back(), shape.head_dim);
      restore_output(kScalarRowCodec, sequence.policy, shape.head_dim, result.data());
      std::ranges::copy(result, out.row(entry.first_row + r) + first);
    }
    const int window = observation_of(sequence, entry.position + r);
    if (window == kNotObserved) continue;
    observe(p, sequence.policy.kind == PolicyKind::kPaper, rows.keys.size(), seen.seen[window]);
  }
  record(cache, entry, layer, head, {&seen, 1});
  const int columns = shape.group * shape.head_dim;
  gather_outputs(cache, entry, layer, head, columns_of(q, entry, head * columns, columns),
                 columns_of(out, entry, head * columns, columns));
}

}  // namespace

void ReferenceCacheOps::append(KvCache& cache, const Batch& batch, int layer, ConstMatrix k, ConstMatrix v) {
  const int head_dim = cache.shape().head_dim;
  for (const BatchEntry& entry : batch.entries) {
    for (int h = 0; h < cache.shape().kv_heads; ++h) {
      append_head(cache, entry, layer, h, columns_of(k, entry, h * head_dim, head_dim),
                  columns_of(v, entry, h * head_dim, head_dim));
    }
  }
}

void ReferenceCacheOps::attend(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) {
  for (const BatchEntry& entry : batch.entries) {
    for (int h = 0; h < cache.shape().kv_heads; ++h) attend_head(cache, entry, layer, h, q, out);
  }
}

}  // namespace leankv
