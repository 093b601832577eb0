#include "backend/append.h"

#include <algorithm>

#include "backend/energy.h"
#include "backend/row_transform.h"
#include "base/half.h"
#include "kv/page_view.h"

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
    const float* row = v.row(r);
    for (int c = 0; c < v.columns; ++c) statistics.value_sum[c] += double(row[c]);
    statistics.value_energy += energy_of(row, v.columns);
  }
}

// Writes rows behind the tokens that a head's fresh list had before this entry.
class Appender {
 public:
  Appender(KvCache& cache, const BatchEntry& entry, const HeadTable& table, const HeadMemory& memory)
      : cache_(cache),
        entry_(entry),
        policy_(cache.state(entry.slot).policy),
        layout_(cache.list_layout(entry.slot, kFreshList)),
        tier_(tier(layout_.tier)),
        pages_(table.pages_of(kFreshList)),
        first_(int(table.tokens[kFreshList]) - entry.rows),
        key_mean_(memory.key_mean.size()) {
    if (!key_mean_.empty()) {
      cache.rows().decode(CodecId::kHalf, memory.key_mean.data(), nullptr, layout_.head_dim, key_mean_.data());
    }
  }

  void append(int r, const float* key, const float* value) {
    PageView page(layout_, cache_.page(pages_[(first_ + r) / layout_.tokens]));
    const int token = (first_ + r) % layout_.tokens, head_dim = layout_.head_dim;
    std::copy_n(key, head_dim, x_);
    transform_key(cache_.rows(), policy_, key_mean_, head_dim, x_);
    page.write_key(token, encoded(tier_.key));
    std::copy_n(value, head_dim, x_);
    transform_value(cache_.rows(), policy_, head_dim, x_);
    page.write_value(token, encoded(tier_.value));
    page.set_significance(token, make_significance(0, entry_.position + r < policy_.pin ? kPinned : 0));
  }

 private:
  const StoredRow& encoded(CodecId id) {
    cache_.rows().encode(id, x_, layout_.head_dim, row_.codes, row_.scales);
    return row_;
  }

  KvCache& cache_;
  const BatchEntry& entry_;
  const Policy& policy_;
  const PageLayout& layout_;
  const Tier& tier_;
  std::vector<PageId> pages_;
  int first_;
  std::vector<float> key_mean_;  // [head_dim], or none
  float x_[kMaxHeadDim];
  StoredRow row_;
};

}  // namespace

void append_head(KvCache& cache, const BatchEntry& entry, int layer, int head, ConstMatrix k, ConstMatrix v) {
  SequenceState& sequence = cache.state(entry.slot);
  const int index = layer * cache.shape().kv_heads + head;
  HeadMemory& memory = sequence.memory[index];
  if (sequence.policy.centre && entry.position == 0) memory.key_mean = mean_key(k);
  if (sequence.gathering()) gather_values(sequence.statistics[index], entry, v);
  Appender rows(cache, entry, cache.head(entry.slot, layer, head), memory);
  for (int r = 0; r < entry.rows; ++r) rows.append(r, k.row(r), v.row(r));
}

}  // namespace leankv
