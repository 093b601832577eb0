#include "app/bench/tier_mix.h"

#include <fmt/format.h>

#include <numeric>
#include <sstream>

#include "app/bench/embedded.h"
#include "base/error.h"

namespace leankv {
namespace {

[[noreturn]] void fail(int line, const std::string& what) {
  throw Error(ErrorKind::kBadFile, fmt::format("tier mix, line {}: {}", line, what));
}

TierMix read_head_line(std::istringstream& words, int line) {
  TierMix mix;
  words >> mix.kv;
  for (std::string name; words >> name;) {
    const std::optional<TierId> id = find_tier(name);
    if (!id) fail(line, "'" + name + "' is no tier");
    mix.tiers.push_back(*id);
  }
  if (mix.tiers.empty()) fail(line, "no tier is named");
  return mix;
}

std::vector<double> read_shares(std::istringstream& words, std::size_t tiers, int line) {
  std::vector<double> shares;
  for (double share; words >> share;) shares.push_back(share);
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  constexpr double kRounding = 1e-3;  // of four decimals each
  const bool all_positive = std::ranges::all_of(shares, [](double s) { return s >= 0; });
  if (shares.size() != tiers || !all_positive || !(sum <= 1 + kRounding)) {
    fail(line, fmt::format("{} shares of tokens are needed, at most 1 in sum", tiers));
  }
  return shares;
}

}  // namespace

TierMix tier_mix_of(std::string_view kv, const KvCache& cache, SlotId slot) {
  const SequenceState& sequence = cache.state(slot);
  TierMix mix{std::string(kv), sequence.policy.tiers, {}};
  for (const HeadTable& head : sequence.heads) {
    std::vector<double> shares(mix.tiers.size());
    for (std::size_t i = 0; i < shares.size(); ++i) shares[i] = double(head.tokens[i + 1]) / sequence.tokens;
    shares.front() += double(head.tokens[kFreshList]) / sequence.tokens;
    mix.shares.push_back(std::move(shares));
  }
  return mix;
}

std::vector<TierMix> read_tier_mixes(std::string_view text) {
  std::vector<TierMix> mixes;
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string first;
    if (!(words >> first) || first.starts_with('#')) continue;
    if (first == "mix") {
      mixes.push_back(read_head_line(words, number));
      continue;
    }
    if (mixes.empty()) fail(number, "shares before the first mix");
    std::istringstream shares(line);
    mixes.back().shares.push_back(read_shares(shares, mixes.back().tiers.size(), number));
  }
  for (const TierMix& mix : mixes) {
    if (mix.shares.empty()) fail(number, "mix " + mix.kv + " has no heads");
  }
  return mixes;
}

std::string write_tier_mixes(std::string_view remark, std::span<const TierMix> mixes) {
  std::string text = fmt::format("# {}\n", remark);
  for (const TierMix& mix : mixes) {
    text += "mix " + mix.kv;
    for (TierId id : mix.tiers) text += " " + std::string(tier(id).name);
    text += "\n";
    for (const std::vector<double>& shares : mix.shares) text += fmt::format("{:.4f}\n", fmt::join(shares, " "));
  }
  return text;
}

std::string tier_mix_summary(const TierMix& mix) {
  std::string text = mix.kv + ":";
  double kept = 0;
  for (std::size_t i = 0; i < mix.tiers.size(); ++i) {
    double mean = 0;
    for (const std::vector<double>& shares : mix.shares) mean += shares[i] / double(mix.shares.size());
    text += fmt::format(" {} {:.0f} %,", tier(mix.tiers[i]).name, 100 * mean);
    kept += mean;
  }
  return text + fmt::format(" pruned {:.0f} %", 100 * (1 - kept));
}

const std::vector<TierMix>& recorded_tier_mixes() {
  static const std::vector<TierMix> mixes = read_tier_mixes(kRecordedTierMixes);
  return mixes;
}

}  // namespace leankv
