// The precisions a token may be kept at. Adding a tier is adding one row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kv/codec.h"

namespace leankv {

enum class TierId : uint8_t {
  kK16V16,
  kK8V8,
  kK8V4,
  kK4V4,
  kK4V2,
  kK3V2,
  kK2V2,
  kPaperK8V4,
  kPaperK4V2,
  kQ8Q8,
  kQ8Q4,
  kQ4Q4,
  kCount,
};

struct Tier {
  TierId id;
  std::string_view name;  // as options and tables spell it
  CodecId key;
  CodecId value;
};

inline constexpr Tier kTiers[] = {
    {TierId::kK16V16, "K16V16", CodecId::kHalf, CodecId::kHalf},
    {TierId::kK8V8, "K8V8", CodecId::kGrid8, CodecId::kGrid8},
    {TierId::kK8V4, "K8V4", CodecId::kGrid8, CodecId::kLevels4},
    {TierId::kK4V4, "K4V4", CodecId::kLevels4, CodecId::kLevels4},
    {TierId::kK4V2, "K4V2", CodecId::kLevels4, CodecId::kLevels2},
    {TierId::kK3V2, "K3V2", CodecId::kLevels3, CodecId::kLevels2},
    {TierId::kK2V2, "K2V2", CodecId::kLevels2, CodecId::kLevels2},
    {TierId::kPaperK8V4, "PK8V4", CodecId::kMinMax8, CodecId::kMinMax4},
    {TierId::kPaperK4V2, "PK4V2", CodecId::kMinMax4, CodecId::kMinMax2},
    {TierId::kQ8Q8, "q8_0:q8_0", CodecId::kBlock8, CodecId::kBlock8},
    {TierId::kQ8Q4, "q8_0:q4_0", CodecId::kBlock8, CodecId::kBlock4},
    {TierId::kQ4Q4, "q4_0:q4_0", CodecId::kBlock4, CodecId::kBlock4},
};
static_assert(sizeof(kTiers) / sizeof(kTiers[0]) == std::size_t(TierId::kCount));

constexpr bool tier_rows_in_order() {
  for (int i = 0; i < int(TierId::kCount); ++i) {
    if (int(kTiers[i].id) != i) return false;
  }
  return true;
}
static_assert(tier_rows_in_order(), "kTiers is indexed by TierId");

LEANKV_HD constexpr const Tier& tier(TierId id) { return kTiers[int(id)]; }

constexpr std::optional<TierId> find_tier(std::string_view name) {
  for (const Tier& t : kTiers) {
    if (t.name == name) return t.id;
  }
  return std::nullopt;
}

}  // namespace leankv
