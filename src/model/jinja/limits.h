// What one chat template may use. Templates come with model files, so none of them is trusted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leankv::jinja {

// Real templates: under 20 KiB of source, 20 levels, 10^4 steps for a short chat; all limits are 50 times that or more,
// except the depths, which are what fits an 8 MiB stack with sanitizers on.
inline constexpr std::size_t kMaxSourceBytes = std::size_t(1) << 20;
inline constexpr int kMaxNesting = 100;           // expressions and blocks within each other, parsing
inline constexpr int kMaxDepth = 400;             // the same while rendering, through macro calls
inline constexpr int kMaxValueNesting = 100;      // lists and mappings within each other
inline constexpr int64_t kMaxSteps = 20'000'000;  // nodes visited and elements touched
inline constexpr std::size_t kMaxOutputBytes = std::size_t(64) << 20;
inline constexpr std::size_t kMaxWorkingBytes = std::size_t(256) << 20;  // all values made while rendering
inline constexpr int64_t kMaxRange = 100'000;  // elements of range(), as in Jinja's own sandbox

}  // namespace leankv::jinja
