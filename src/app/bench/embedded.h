// Files of the source tree that the program carries with it.
#pragma once

#include <string_view>

namespace leankv {

extern const std::string_view kRecordedTierMixes;  // app/bench/tier_mix.txt
extern const std::string_view kBenchText;          // docs/demo/lighthouse.txt

}  // namespace leankv
