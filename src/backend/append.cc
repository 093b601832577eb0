#include "backend/append.h"

#include <algorithm>

#include "backend/row_transform.h"
#include "base/half.h"
#include "kv/page_view.h"
#include "kv/quantise.h"

namespace leankv {
namespace {

// The mean key over tokens kSkipFirst.. of the first chunk: a constant that softmax does not see.
std::vector<uint16_t> mean_key(ConstMatrix k) {
  const int last = std::min(k.rows, kSkipFirst + kMeanKeyTokens);
  std::vector<uint16_t> mean(k.columns, 0);
  for (int c = 0; c < k.columns && last > kSkipFirst; ++c) {
    double sum = 0;
    for (int t = kSkipFirst; t < last; ++t) sum += k.row(t)[c];
    mean[c] = float_to_half(float(sum / (last - kSkipFirst)));
  }
  return mean;
}

void gather_values(HeadStatistics& statistics, const BatchEntry& entry, ConstMatrix v) {
  statistics.value_sum.resize(v.columns);
  for (int r = std::max(0, kSkipFirst - entry.position); r < v.rows; ++r) {
    for (int c = 0; c < v.columns; ++c) {
      const double x = v.row(r)[c];
      statistics.value_sum[c] += x;
      statistics.value_energy += x * x;
    }
  }
}

// Writes one row on one side of a page.
template <class Write>
void store(CodecId id, int head_dim, const float* x, Write&& write) {
  StoredRow row;
  encode_row(id, x, head_dim, row.codes, row.scales);
  write(row);
}

}  // namespace

void append_head(KvCache& cache, const BatchEntry& entry, int layer, int head, ConstMatrix k, ConstMatrix v) {
  SequenceState& sequence = cache.state(entry.slot);
  const int index = layer * cache.shape().kv_heads + head, head_dim = cache.shape().head_dim;
  HeadMemory& memory = sequence.memory[index];
  if (sequence.policy.centre && entry.position == 0) memory.key_mean = mean_key(k);
  if (sequence.gathering()) gather_values(sequence.statistics[index], entry, v);

  const PageLayout& layout = cache.list_layout(entry.slot, kFreshList);
  const HeadTable& table = cache.head(entry.slot, layer, head);
  const std::vector<PageId> pages = table.pages_of(kFreshList);
  const int first = int(table.tokens[kFreshList]) - entry.rows;
  float x[kMaxHeadDim];
  for (int r = 0; r < entry.rows; ++r) {
    PageView page(layout, cache.page(pages[(first + r) / layout.tokens]));
    const int token = (first + r) % layout.tokens;
    std::copy_n(k.row(r), head_dim, x);
    transform_key(sequence.policy, memory, head_dim, x);
    store(tier(layout.tier).key, head_dim, x, [&](const StoredRow& row) { page.write_key(token, row); });
    std::copy_n(v.row(r), head_dim, x);
    transform_value(sequence.policy, head_dim, x);
    store(tier(layout.tier).value, head_dim, x, [&](const StoredRow& row) { page.write_value(token, row); });
    page.set_significance(token, make_significance(0, entry.position + r < sequence.policy.pin ? kPinned : 0));
  }
}

}  // namespace leankv
