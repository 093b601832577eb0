#include "kv/tier.h"

#include <gtest/gtest.h>

namespace leankv {
namespace {

TEST(Tier, IsFoundByItsName) {
  for (const Tier& t : kTiers) EXPECT_EQ(find_tier(t.name), t.id) << t.name;
}

TEST(Tier, UnknownNamesAreNotFound) {
  EXPECT_EQ(find_tier(""), std::nullopt);
  EXPECT_EQ(find_tier("k8v8"), std::nullopt);
  EXPECT_EQ(find_tier("K8V8 "), std::nullopt);
}

// "K4V2" names the bits of keys and of values.
TEST(Tier, NamesSayTheBits) {
  for (const Tier& t : kTiers) {
    const auto k = t.name.find('K');
    if (k == std::string_view::npos) continue;
    const auto v = t.name.find('V');
    EXPECT_EQ(std::stoi(std::string(t.name.substr(k + 1, v - k - 1))), codec(t.key).bits);
    EXPECT_EQ(std::stoi(std::string(t.name.substr(v + 1))), codec(t.value).bits);
  }
}

}  // namespace
}  // namespace leankv
