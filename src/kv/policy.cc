#include "kv/policy.h"

#include "base/error.h"

namespace leankv {
namespace {

// Codecs that were designed for rotated rows; the others store rows as they are, so that they match their models.
bool is_for_rotated_rows(CodecId id) {
  return id == CodecId::kGrid8 || id == CodecId::kLevels4 || id == CodecId::kLevels3 || id == CodecId::kLevels2;
}

}  // namespace

int recent_queries(const Policy& policy, int tokens) {
  return policy.kind == PolicyKind::kForecast ? std::min(policy.recent, std::max(1, tokens / 4)) : policy.recent;
}

Policy off_policy() { return {}; }

Policy uniform_policy(TierId id) {
  Policy policy;
  policy.kind = PolicyKind::kUniform;
  policy.tiers = {id};
  policy.rotate = policy.centre = is_for_rotated_rows(tier(id).key);
  policy.ratio = 0;
  return policy;
}

Policy forecast_policy(double ratio) {
  Policy policy;
  policy.kind = PolicyKind::kForecast;
  policy.tiers = {TierId::kK8V8, TierId::kK4V4, TierId::kK3V2};
  policy.rotate = policy.centre = true;
  policy.ratio = ratio;
  return policy;
}

Policy paper_policy() {
  Policy policy;
  policy.kind = PolicyKind::kPaper;
  policy.tiers = {TierId::kPaperK8V4, TierId::kPaperK4V2};
  policy.ratio = 0;
  policy.recent = 64;
  policy.review_interval = 64;
  policy.minimum_tokens = 0;
  policy.window = 64;
  return policy;
}

std::optional<Policy> policy_of_cache_types(std::string_view key_type, std::string_view value_type) {
  if (key_type.empty() && value_type.empty()) return std::nullopt;
  const std::string key(key_type.empty() ? "f16" : key_type);
  const std::string value(value_type.empty() ? "f16" : value_type);
  if (key == "f16" && value == "f16") return off_policy();
  for (const TierId id : {TierId::kQ8Q8, TierId::kQ8Q4, TierId::kQ4Q4}) {
    if (tier(id).name == key + ":" + value) return uniform_policy(id);
  }
  throw Error(ErrorKind::kUnsupported, "cache types -ctk " + key + " -ctv " + value +
                                           ": not stored by this program; choose f16 f16, q8_0 q8_0, q8_0 q4_0 or "
                                           "q4_0 q4_0, or a compressed cache with --kv");
}

}  // namespace leankv
