#include "app/eval/segments.h"

#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "base/error.h"
#include "model/tokenizer.h"
#include "model/vocabulary.h"

namespace leankv {

std::vector<int> tokens_of_file(const std::string& model_path, const std::string& text_path) {
  std::ifstream file(text_path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file || text.empty()) throw Error(ErrorKind::kBadFile, "--text " + text_path + ": cannot be read, or is empty");
  const GgufFile model(model_path);
  return Tokenizer(read_vocabulary(model)).encode(text, false);
}

// std::mt19937_64 is specified to the bit, the standard's distributions are not: hence the remainder, whose bias is
// below places / 2^64.
std::vector<int64_t> draw_starts(int count, uint64_t seed, int64_t text_tokens, const SegmentShape& shape) {
  const int64_t places = text_tokens - shape.length() + 1;
  if (places < count) {
    throw Error(ErrorKind::kBadOption, "--segments " + std::to_string(count) + ": the text of " +
                                           std::to_string(text_tokens) + " tokens has no so many segments of " +
                                           std::to_string(shape.length()));
  }
  std::mt19937_64 random(seed);
  std::set<int64_t> starts;
  while (int(starts.size()) < count) starts.insert(int64_t(random() % uint64_t(places)));
  return {starts.begin(), starts.end()};
}

TextSegment cut_segment(std::span<const int> text, int64_t start, const SegmentShape& shape,
                        std::optional<int> first_token) {
  if (start < 0 || start > int64_t(text.size()) - shape.length()) {
    throw Error(ErrorKind::kBadOption, "--starts " + std::to_string(start) + ": a segment of " +
                                           std::to_string(shape.length()) + " tokens leaves the text of " +
                                           std::to_string(text.size()));
  }
  const auto piece = text.subspan(std::size_t(start), std::size_t(shape.length()));
  TextSegment segment{start, {piece.begin(), piece.end()}};
  if (first_token) segment.tokens.front() = *first_token;
  return segment;
}

}  // namespace leankv
