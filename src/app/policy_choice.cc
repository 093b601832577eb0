#include "app/policy_choice.h"

#include <algorithm>
#include <filesystem>

#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

void check_one_way(const PolicyWords& w) {
  const std::pair<const char*, bool> ways[] = {{"--kv", !w.preset.empty()},
                                               {"--kv-ratio", w.ratio.has_value()},
                                               {"--kv-budget", w.budget_bytes.has_value()},
                                               {"--kv-policy", !w.policy.empty()},
                                               {"-ctk/-ctv", !w.cache_type_k.empty() || !w.cache_type_v.empty()},
                                               {"--kv-cache-dtype", !w.cache_dtype.empty()}};
  std::string used;
  for (const auto& [name, given] : ways) {
    if (given) used += (used.empty() ? "" : " and ") + std::string(name);
  }
  if (used.find(" and ") == std::string::npos) return;
  throw Error(ErrorKind::kBadOption,
              used + " both choose the cache: give one (--kv-policy takes all settings at once)");
}

// One setting or more per line; what follows a # is a remark.
std::string policy_in_file(const std::string& path) {
  std::string text, line;
  for (char c : read_file(path) + "\n") {
    if (c != '\n') {
      line += c;
      continue;
    }
    line.erase(std::min(line.find('#'), line.size()));
    std::erase_if(line, [](unsigned char x) { return x <= ' '; });
    if (!line.empty()) text += (text.empty() ? "" : ",") + line;
    line.clear();
  }
  return text;
}

Policy policy_of_dtype(const std::string& name) {
  if (name == "auto" || name == "f16" || name == "float16" || name == "half") return off_policy();
  if (name == "q8_0" || name == "q4_0") return *policy_of_cache_types(name, name);
  if (const std::optional<TierId> id = find_tier(name)) return uniform_policy(*id);
  throw Error(ErrorKind::kUnsupported, "--kv-cache-dtype " + name +
                                           ": there is auto, f16, q8_0, q4_0 and the tiers that leankv inspect --tiers "
                                           "lists; --kv chooses a compressed cache");
}

}  // namespace

Policy choose_policy(const PolicyWords& words) {
  check_one_way(words);
  if (words.ratio) return forecast_policy(*words.ratio);
  if (words.budget_bytes) return parse_policy("forecast,budget=" + std::to_string(*words.budget_bytes));
  if (!words.cache_dtype.empty()) return policy_of_dtype(words.cache_dtype);
  if (const auto policy = policy_of_cache_types(words.cache_type_k, words.cache_type_v)) return *policy;
  if (!words.policy.empty()) {
    return parse_policy(std::filesystem::exists(words.policy) ? policy_in_file(words.policy) : words.policy);
  }
  return parse_policy(words.preset.empty() ? "safe" : words.preset);
}

}  // namespace leankv
