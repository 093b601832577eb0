// Policies as text: what --kv and --kv-policy take and reports print.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <variant>

#include "base/error.h"
#include "base/nearest_name.h"
#include "kv/policy.h"

namespace leankv {
namespace {

enum Kinds : unsigned { kUniformKind = 1, kForecastKind = 2, kPaperKind = 4, kJudging = 6, kAnyButOff = 7 };

unsigned kinds_of(PolicyKind kind) {
  if (kind == PolicyKind::kOff) return 0;
  if (kind == PolicyKind::kUniform) return kUniformKind;
  return kind == PolicyKind::kForecast ? kForecastKind : kPaperKind;
}

using Field = std::variant<bool Policy::*, int Policy::*, int64_t Policy::*, double Policy::*,
                           std::optional<double> Policy::*, std::vector<TierId> Policy::*>;

struct Key {
  std::string_view name;
  unsigned kinds;          // where it has a meaning
  double lowest, highest;  // of a number, inclusive
  Field field;
};

constexpr int kUsualHeadDim = 64;        // tiers in descending bytes here descend in every larger head, too
constexpr double kMostTokens = 1 << 28;  // beyond any context; sums of several are still ints
constexpr double kUnbounded = std::numeric_limits<double>::max();
const Key kKeys[] = {
    {"tiers", kJudging, 0, 0, &Policy::tiers},
    {"rotate", kAnyButOff, 0, 1, &Policy::rotate},
    {"centre", kAnyButOff, 0, 1, &Policy::centre},
    {"ratio", kJudging, 0, kUnbounded, &Policy::ratio},
    {"budget", kJudging, 0, 9e15, &Policy::budget_bytes},  // below 2^53: exact as a double
    {"lambda", kForecastKind, 0, kUnbounded, &Policy::lambda},
    {"alpha_h", kPaperKind, 0, kUnbounded, &Policy::alpha_high},
    {"alpha_l", kPaperKind, 0, kUnbounded, &Policy::alpha_low},
    {"recent", kJudging, 1, kMostTokens, &Policy::recent},
    {"minimum_tokens", kJudging, 0, kMostTokens, &Policy::minimum_tokens},
    {"window", kJudging, 0, kMostTokens, &Policy::window},
    {"pin", kJudging, 0, kMostTokens, &Policy::pin},
    {"review_interval", kJudging, 1, kMostTokens, &Policy::review_interval},
    {"sample_interval", kJudging, 1, kMostTokens, &Policy::sample_interval},
    {"prune_penalty", kForecastKind, 0, kUnbounded, &Policy::prune_penalty},
};

struct Base {
  std::string_view name;
  Policy policy;
};

// The order is that of describe(): the first of a kind is the name its policies go by.
std::vector<Base> bases() {
  std::vector<Base> all = {
      {"off", off_policy()},          {"forecast", forecast_policy(4)}, {"paper", paper_policy()},
      {"safe", forecast_policy(3.3)}, {"balanced", forecast_policy(7)}, {"small", forecast_policy(11)}};
  for (const Tier& t : kTiers) all.push_back({t.name, uniform_policy(t.id)});
  return all;
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::kBadOption, "cache policy: " + message); }

// Refuses `name`, with the nearest of the names that work when one is near, and the list of them.
[[noreturn]] void refuse_name(std::string_view what, std::string_view name, std::span<const std::string_view> known) {
  const std::string_view nearest = nearest_name(name, known);
  std::string message = "unknown " + std::string(what) + " '" + std::string(name) + "'";
  if (!nearest.empty()) message += " (did you mean '" + std::string(nearest) + "'?)";
  message += "; known:";
  for (const std::string_view k : known) message += " " + std::string(k);
  refuse(message);
}

template <class Range>
std::vector<std::string_view> names_of(const Range& named) {
  std::vector<std::string_view> names;
  for (const auto& n : named) names.push_back(n.name);
  return names;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t end; (end = text.find(separator)) != text.npos; text.remove_prefix(end + 1)) {
    parts.push_back(text.substr(0, end));
  }
  parts.push_back(text);
  return parts;
}

template <class T>
T parse_number(const Key& key, std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole) {
    refuse(std::string(key.name) + "=" + std::string(text) + ": not " +
           (std::is_integral_v<T> ? "a whole number in range" : "a number"));
  }
  return value;
}

std::vector<TierId> parse_tiers(std::string_view text) {
  std::vector<TierId> tiers;
  for (const std::string_view name : split(text, '/')) {
    const std::optional<TierId> id = find_tier(name);
    if (!id) refuse_name("tier", name, names_of(kTiers));
    tiers.push_back(*id);
  }
  return tiers;
}

struct Assign {
  Policy& policy;
  const Key& key;
  std::string_view text;

  void operator()(bool Policy::*field) const {
    if (text != "0" && text != "1") refuse(std::string(key.name) + "=" + std::string(text) + ": must be 0 or 1");
    policy.*field = text == "1";
  }
  void operator()(std::vector<TierId> Policy::*field) const { policy.*field = parse_tiers(text); }
  void operator()(std::optional<double> Policy::*field) const { policy.*field = parse_number<double>(key, text); }
  template <class T>
  void operator()(T Policy::*field) const {
    policy.*field = parse_number<T>(key, text);
  }
};

template <class T>
std::string text_of(T value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

// The value of a key as parse_policy reads it back.
struct Print {
  const Policy& policy;

  std::string operator()(bool Policy::*field) const { return policy.*field ? "1" : "0"; }
  std::string operator()(std::optional<double> Policy::*field) const { return text_of((policy.*field).value_or(0)); }
  std::string operator()(std::vector<TierId> Policy::*field) const {
    std::string names;
    for (const TierId id : policy.*field) names += (names.empty() ? "" : "/") + std::string(tier(id).name);
    return names;
  }
  template <class T>
  std::string operator()(T Policy::*field) const {
    return text_of(policy.*field);
  }
};

struct NumberOf {
  const Policy& policy;

  double operator()(std::vector<TierId> Policy::*) const { return 0; }
  double operator()(std::optional<double> Policy::*field) const { return (policy.*field).value_or(0); }
  template <class T>
  double operator()(T Policy::*field) const {
    return double(policy.*field);
  }
};

const Key& find_key(std::string_view name) {
  const auto key = std::ranges::find(kKeys, name, &Key::name);
  if (key == std::end(kKeys)) refuse_name("key", name, names_of(kKeys));
  return *key;
}

// One "key=value" on top of a base.
void apply(Policy& policy, std::string_view base, std::string_view setting) {
  const std::size_t equals = setting.find('=');
  const Key& key = find_key(setting.substr(0, equals));
  if (equals == setting.npos) refuse("'" + std::string(setting) + "' needs a value: " + std::string(setting) + "=...");
  if ((key.kinds & kinds_of(policy.kind)) == 0) {
    std::string meaningful;
    for (const Key& k : kKeys) {
      if (k.kinds & kinds_of(policy.kind)) meaningful += " " + std::string(k.name);
    }
    refuse("'" + std::string(key.name) + "' has no meaning for '" + std::string(base) +
           "'; its keys:" + (meaningful.empty() ? " none" : meaningful));
  }
  std::visit(Assign{policy, key, setting.substr(equals + 1)}, key.field);
}

bool gives(std::span<const std::string_view> settings, std::string_view key) {
  return std::ranges::any_of(settings, [&](std::string_view s) { return s.substr(0, s.find('=')) == key; });
}

Policy find_base(std::string_view name) {
  const std::vector<Base> all = bases();
  const auto base = std::ranges::find(all, name, &Base::name);
  if (base == all.end()) refuse_name("policy", name, names_of(all));
  return base->policy;
}

void validate_targets(const Policy& policy) {
  if (policy.ratio != 0 && policy.ratio < 1) {
    refuse("ratio=" + text_of(policy.ratio) + ": at least 1 (16-bit bytes over bytes kept), or 0 for no such target");
  }
  const int targets = (policy.ratio != 0) + (policy.budget_bytes != 0) + policy.lambda.has_value();
  if (targets > 1) refuse("more than one target: give one of ratio, budget, lambda");
  if (policy.kind == PolicyKind::kForecast && targets == 0) refuse("forecast needs a target: ratio, budget or lambda");
}

}  // namespace

void validate_tiers(const Policy& policy, int head_dim) {
  if (policy.tiers.empty() || policy.tiers.size() > kMaxPolicyTiers) {
    refuse("tiers: give 1 to " + std::to_string(kMaxPolicyTiers) + " of them");
  }
  for (std::size_t i = 1; i < policy.tiers.size(); ++i) {
    const TierId better = policy.tiers[i - 1], worse = policy.tiers[i];
    if (bytes_per_token(better, head_dim) > bytes_per_token(worse, head_dim)) continue;
    refuse("tiers: best first, but for heads of " + std::to_string(head_dim) + " channels " +
           std::string(tier(worse).name) + " takes no fewer bytes than " + std::string(tier(better).name) +
           " before it");
  }
}

void validate(const Policy& policy) {
  validate_tiers(policy, kUsualHeadDim);
  for (const Key& key : kKeys) {
    if ((key.kinds & kinds_of(policy.kind)) == 0 || std::holds_alternative<std::vector<TierId> Policy::*>(key.field))
      continue;
    const double value = std::visit(NumberOf{policy}, key.field);
    if (value >= key.lowest && value <= key.highest) continue;
    refuse(std::string(key.name) + "=" + std::visit(Print{policy}, key.field) + ": must be a number from " +
           text_of(key.lowest) + (key.highest < kUnbounded ? " to " + text_of(key.highest) : " up"));
  }
  if (policy.judges()) validate_targets(policy);
  if (policy.judges() && policy.sample_interval > policy.review_interval) {
    refuse("sample_interval=" + text_of(policy.sample_interval) +
           " leaves reviews without observations: at most review_interval=" + text_of(policy.review_interval));
  }
  if (policy.kind == PolicyKind::kPaper && policy.alpha_low > policy.alpha_high) {
    refuse("alpha_l=" + text_of(policy.alpha_low) + " is above alpha_h=" + text_of(policy.alpha_high));
  }
}

Policy parse_policy(std::string_view text) {
  std::vector<std::string_view> settings = split(text, ',');
  std::string_view base = "forecast";
  if (settings.front().find('=') == std::string_view::npos) {
    base = settings.front();
    settings.erase(settings.begin());
  }
  Policy policy = find_base(base);
  if (!gives(settings, "ratio") && (gives(settings, "budget") || gives(settings, "lambda"))) policy.ratio = 0;
  for (const std::string_view setting : settings) apply(policy, base, setting);
  validate(policy);
  return policy;
}

std::string describe(const Policy& policy) {
  const std::vector<Base> all = bases();
  const auto same_kind = [&](const Base& b) {
    return b.policy.kind == policy.kind && (policy.kind != PolicyKind::kUniform || b.policy.tiers == policy.tiers);
  };
  const auto base = std::ranges::find_if(all, same_kind);
  LEANKV_CHECK(base != all.end());
  std::string text(base->name);
  const bool other_target = policy.budget_bytes != 0 || policy.lambda.has_value();
  for (const Key& key : kKeys) {
    if ((key.kinds & kinds_of(policy.kind)) == 0) continue;
    if (key.name == "ratio" && policy.ratio == 0 && other_target) continue;  // as parse_policy does
    if (key.name == "lambda" && !policy.lambda) continue;
    const std::string value = std::visit(Print{policy}, key.field);
    if (key.name == "lambda" || value != std::visit(Print{base->policy}, key.field)) {
      text += "," + std::string(key.name) + "=" + value;
    }
  }
  return text;
}

}  // namespace leankv
