#include "app/eval/suites/text_windows.h"

#include <algorithm>

#include "base/error.h"

namespace leankv {

TextWindows windows_of(int64_t text_tokens, int window, int most) {
  if (text_tokens < kLeastText) {
    throw Error(ErrorKind::kBadFile, "the text has " + std::to_string(text_tokens) + " tokens: at least " +
                                         std::to_string(kLeastText) + " are needed");
  }
  const auto shape_for = [](int prompt) { return SegmentShape{prompt, std::max(1, prompt / kScoredShare)}; };
  TextWindows windows{shape_for(window), {}};
  if (windows.shape.length() > text_tokens) {
    windows.shape = shape_for(int((text_tokens - 2) * kScoredShare / (kScoredShare + 1)));
  }
  const int64_t length = windows.shape.length();
  const int64_t count = std::min<int64_t>(most, text_tokens / length);
  const int64_t spare = text_tokens - count * length;
  for (int64_t i = 0; i < count; ++i) windows.starts.push_back(i * length + (count > 1 ? spare * i / (count - 1) : 0));
  return windows;
}

}  // namespace leankv
