#include "app/tier_table.h"

#include <fmt/format.h>

#include <set>

#include "app/table.h"
#include "base/error.h"
#include "kv/policy.h"

namespace leankv {
namespace {

// Tiers of a pool for this policy: prompts pass through it at 16 bits.
std::vector<TierId> pool_tiers(const Policy& policy) {
  std::set<TierId> tiers(policy.tiers.begin(), policy.tiers.end());
  tiers.insert(TierId::kK16V16);
  return {tiers.begin(), tiers.end()};
}

double half_bytes(int head_dim) { return 4.0 * head_dim; }  // a key and a value at 16 bits

std::vector<std::string> tier_row(const Tier& t, int head_dim, int page_bytes) {
  const PageLayout page = make_page_layout(t.id, head_dim, page_bytes);
  const double share = page.tokens == 0 ? 0 : 100.0 * (page_bytes - page.used_bytes) / page_bytes;
  return {std::string(t.name),
          std::string(codec(t.key).name),
          std::string(codec(t.value).name),
          fmt::format("{}", bytes_per_token(t.id, head_dim)),
          fmt::format("{:.2f}x", half_bytes(head_dim) / bytes_per_token(t.id, head_dim)),
          fmt::format("{}", page.tokens),
          page.tokens == 0 ? "-" : fmt::format("{:.1f} %", share),
          page.tokens == 0 ? "-" : fmt::format("{:.2f}x", half_bytes(head_dim) * page.tokens / page_bytes)};
}

std::string preset_table(int head_dim) {
  Table table({"policy", "tiers", "page bytes"});
  for (const char* name : {"off", "safe", "balanced", "small", "paper", "q8_0:q8_0", "q8_0:q4_0", "q4_0:q4_0"}) {
    const Policy policy = parse_policy(name);
    std::string tiers;
    for (TierId id : policy.tiers) tiers += (tiers.empty() ? "" : "/") + std::string(tier(id).name);
    table.add({name, tiers, fmt::format("{}", choose_page_bytes(pool_tiers(policy), head_dim))});
  }
  return table.text();
}

}  // namespace

std::string tier_table(int head_dim) {
  if (head_dim % 16 != 0 || head_dim < 16 || head_dim > kMaxHeadDim) {
    throw Error(ErrorKind::kBadOption, "--head-dim " + std::to_string(head_dim) +
                                           ": must be a multiple of 16, at most " + std::to_string(kMaxHeadDim));
  }
  const int page_bytes = choose_page_bytes(pool_tiers(parse_policy("safe")), head_dim);
  Table table({"tier", "keys", "values", "bytes/token", "ratio", "tokens/page", "waste", "ratio in pages"});
  for (const Tier& t : kTiers) table.add(tier_row(t, head_dim, page_bytes));
  return fmt::format(
             "One KV head of {} channels; a token's bytes hold codes, scales and significance; pages of {} "
             "bytes, as --kv safe has them.\n\n",
             head_dim, page_bytes) +
         table.text() + "\n" + preset_table(head_dim);
}

std::string pool_table(const KvCache& cache) {
  const int64_t pages = cache.pool_bytes() / cache.page_bytes();
  Table table({"tier", "bytes/token", "ratio in pages", "tokens that fit"});
  for (const Tier& t : kTiers) {
    if (!cache.holds(t.id)) continue;
    const int tokens = cache.layout(t.id).tokens;
    const double bytes = double(cache.page_bytes()) * cache.shape().heads() / tokens;
    table.add({std::string(t.name), fmt::format("{:.0f}", bytes),
               fmt::format("{:.2f}x", double(cache.shape().bytes_per_token_16bit()) / bytes),
               fmt::format("{}", pages / cache.shape().heads() * tokens)});
  }
  return table.text();
}

}  // namespace leankv
