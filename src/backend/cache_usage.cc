#include "backend/cache_usage.h"

namespace leankv {

int64_t fixed_table_bytes(const SequenceState& sequence) {
  int64_t bytes = 0;
  for (std::size_t h = 0; h < sequence.heads.size(); ++h) {
    bytes += int64_t(sizeof(uint32_t)) * sequence.lists();
    bytes += int64_t(sequence.memory[h].key_mean.size() * sizeof(uint16_t));
    if (sequence.policy.kind == PolicyKind::kForecast) bytes += int64_t(sizeof(HeadConstants) + sizeof(Curve));
  }
  return bytes;
}

CacheUsage usage_of(const KvCache& cache, SlotId slot) {
  cache.fetch(slot);
  const SequenceState& sequence = cache.state(slot);
  CacheUsage usage;
  usage.tokens = sequence.tokens;
  usage.bytes_16bit = sequence.tokens * cache.shape().bytes_per_token_16bit();
  usage.table_bytes = fixed_table_bytes(sequence);
  for (const HeadTable& head : sequence.heads) {
    usage.table_bytes += int64_t(head.bag.size() * sizeof(PageRef));
    usage.head_bytes.push_back(int64_t(head.bag.size()) * cache.page_bytes());
    usage.page_bytes += usage.head_bytes.back();
    usage.pruned += sequence.tokens - head.total_tokens();
    for (PageRef ref : head.bag) ++usage.tiers[int(sequence.list_tier[ref.list()])].pages;
    for (int list = 0; list < sequence.lists(); ++list) {
      const Tier& t = tier(sequence.list_tier[list]);
      usage.tiers[int(t.id)].tokens += head.tokens[list];
      usage.code_bytes +=
          int64_t(head.tokens[list]) * cache.shape().head_dim * (codec(t.key).bits + codec(t.value).bits) / 8;
    }
  }
  return usage;
}

}  // namespace leankv
