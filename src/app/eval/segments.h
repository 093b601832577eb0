// The pieces of a text that a quality measurement runs over.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace leankv {

struct SegmentShape {
  int prompt_tokens = 2048;  // P: computed, then compressed
  int score_tokens = 256;    // S: teacher-forced against the compressed cache
  bool decode = false;       // the S tokens are judged on their way, as in an answer; else they stay at the best tier
  int length() const { return prompt_tokens + score_tokens + 1; }  // with the token that the last logits predict
};

struct TextSegment {
  int64_t start = 0;        // in the text's tokens
  std::vector<int> tokens;  // [shape.length()]
};

// The whole file as tokens of the model, without bos. Throws kBadFile when the text cannot be read or is empty.
std::vector<int> tokens_of_file(const std::string& model_path, const std::string& text_path);

// `count` different starts of segments, ascending, the same for a seed on every machine. Throws kBadOption when the
// text has fewer places than that.
std::vector<int64_t> draw_starts(int count, uint64_t seed, int64_t text_tokens, const SegmentShape& shape);

// first_token: replaces the segment's first. Throws kBadOption for a segment that leaves the text.
TextSegment cut_segment(std::span<const int> text, int64_t start, const SegmentShape& shape,
                        std::optional<int> first_token);

}  // namespace leankv
