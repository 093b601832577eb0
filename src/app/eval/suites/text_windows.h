// Where the windows of `leankv eval text` lie in a file.
#pragma once

#include <cstdint>
#include <vector>

#include "app/eval/segments.h"

namespace leankv {

struct TextWindows {
  SegmentShape shape;
  std::vector<int64_t> starts;  // ascending, in tokens; windows do not overlap
};

inline constexpr int kScoredShare = 8;  // a window's scored tokens: one for so many of its prompt
inline constexpr int kLeastText =
    72;  // tokens: a prompt of 62, 7 of them scored after it, and the last to be predicted

// At most `most` windows, evenly over the text; a text below one window makes the window smaller. Throws kBadFile for
// one below kLeastText.
TextWindows windows_of(int64_t text_tokens, int window, int most);

}  // namespace leankv
