#include "app/usage_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/byte_size.h"
#include "app/table.h"

namespace leankv {
namespace {

int64_t token_heads(const UsageReport& r) { return int64_t(r.usage.tokens) * r.shape.heads(); }

std::string per_cent(int64_t part, int64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f} %", 100.0 * double(part) / double(whole));
}

std::string share_table(const UsageReport& r) {
  Table table({"tier", "tokens x heads", "share", "bytes in pages"});
  for (const Tier& t : kTiers) {
    const TierUsage& u = r.usage.tiers[std::size_t(t.id)];
    if (u.tokens == 0) continue;
    table.add({std::string(t.name), std::to_string(u.tokens), per_cent(u.tokens, token_heads(r)),
               format_bytes(double(u.pages) * r.page_bytes)});
  }
  table.add({"pruned", std::to_string(r.usage.pruned), per_cent(r.usage.pruned, token_heads(r)), format_bytes(0)});
  table.add({"tables", "", "", format_bytes(double(r.usage.table_bytes))});
  return table.text();
}

}  // namespace

UsageReport report_of(const KvCache& cache, SlotId slot) {
  return {usage_of(cache, slot), cache.shape(), cache.pool_bytes(), cache.high_water_bytes(), cache.page_bytes()};
}

HeadSpread head_spread(const UsageReport& r) {
  if (r.usage.tokens == 0 || r.usage.head_bytes.empty()) return {};
  std::vector<int64_t> bytes = r.usage.head_bytes;
  std::ranges::sort(bytes);
  const auto per_token = [&](std::size_t i) { return double(bytes[i]) / r.usage.tokens; };
  return {per_token(0), (per_token((bytes.size() - 1) / 2) + per_token(bytes.size() / 2)) / 2,
          per_token(bytes.size() - 1)};
}

std::vector<double> layer_bytes_per_token(const UsageReport& r) {
  std::vector<double> layers(std::size_t(r.shape.layers), 0.0);
  if (r.usage.tokens == 0) return layers;
  for (std::size_t i = 0; i < r.usage.head_bytes.size(); ++i) {
    layers[i / std::size_t(r.shape.kv_heads)] += double(r.usage.head_bytes[i]) / r.usage.tokens / r.shape.kv_heads;
  }
  return layers;
}

std::string usage_text(const UsageReport& r) {
  const HeadSpread spread = head_spread(r);
  return fmt::format("cache    {} tokens: {} at 16 bit, {} now: {:.2f}x page-true ({:.2f}x nominal: codes alone)\n",
                     r.usage.tokens, format_bytes(double(r.usage.bytes_16bit)), format_bytes(double(r.usage.bytes())),
                     r.usage.ratio(), r.usage.nominal_ratio()) +
         share_table(r) +
         fmt::format("heads    bytes per token, of {} at 16 bit: least {:.1f}, median {:.1f}, most {:.1f}\n",
                     4 * r.shape.head_dim, spread.least, spread.median, spread.most) +
         fmt::format("pool     {} at most in use of {}\n", format_bytes(double(r.high_water_bytes)),
                     format_bytes(double(r.pool_bytes)));
}

std::string timings_text(const Timings& t) {
  return fmt::format("time     prompt {} tokens in {:.2f} s ({:.1f}/s), answer {} tokens in {:.2f} s ({:.1f}/s)\n",
                     t.prompt_n, t.prompt_ms / 1000, t.prompt_per_second(), t.predicted_n, t.predicted_ms / 1000,
                     t.predicted_per_second());
}

std::string layers_text(const UsageReport& r) {
  constexpr double kBarWidth = 40;  // characters of a 16-bit layer
  std::string text = "layer    bytes per token and head; the bar's full width is 16 bit\n";
  const std::vector<double> layers = layer_bytes_per_token(r);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto bar = std::size_t(std::max(0.0, kBarWidth * layers[i] / (4 * r.shape.head_dim) + 0.5));
    text += fmt::format("{:5}  {:6.1f}  {}\n", i, layers[i], std::string(bar, '#'));
  }
  return text;
}

nlohmann::ordered_json usage_json(const UsageReport& r) {
  const HeadSpread spread = head_spread(r);
  nlohmann::ordered_json tiers = nlohmann::ordered_json::object();
  for (const Tier& t : kTiers) {
    const TierUsage& u = r.usage.tiers[std::size_t(t.id)];
    if (u.tokens > 0) tiers[std::string(t.name)] = {{"token_heads", u.tokens}, {"bytes", u.pages * r.page_bytes}};
  }
  return {{"ratio_page_true", r.usage.ratio()},
          {"ratio_nominal", r.usage.nominal_ratio()},
          {"bytes_16bit", r.usage.bytes_16bit},
          {"bytes_page_true", r.usage.bytes()},
          {"bytes_tables", r.usage.table_bytes},
          {"cache_tokens", r.usage.tokens},
          {"token_heads", token_heads(r)},
          {"tiers", tiers},
          {"pruned", r.usage.pruned},
          {"head_bytes_per_token", {{"min", spread.least}, {"median", spread.median}, {"max", spread.most}}},
          {"layer_bytes_per_token", layer_bytes_per_token(r)},
          {"page_bytes", r.page_bytes},
          {"high_water_bytes", r.high_water_bytes},
          {"pool_bytes", r.pool_bytes}};
}

nlohmann::ordered_json timings_json(const Timings& t) {
  return {{"prompt_n", t.prompt_n},
          {"prompt_ms", t.prompt_ms},
          {"prompt_per_second", t.prompt_per_second()},
          {"predicted_n", t.predicted_n},
          {"predicted_ms", t.predicted_ms},
          {"predicted_per_second", t.predicted_per_second()}};
}

}  // namespace leankv
