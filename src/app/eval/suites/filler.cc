#include "app/eval/suites/filler.h"

#include <algorithm>
#include <cmath>

#include "app/bench/embedded.h"
#include "app/files.h"
#include "base/error.h"
#include "base/trimmed.h"

namespace leankv {
namespace {

constexpr std::string_view kEnds = ".!?", kQuotes = "\"')";

// Of a sentence that begins at `from`.
std::size_t end_of_sentence(std::string_view text, std::size_t from) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (i > from && text[i] == '\n' && text[i - 1] != '\n') return i;
    if (kEnds.find(text[i]) == kEnds.npos) continue;
    std::size_t end = i + 1;
    while (end < text.size() && kQuotes.find(text[end]) != kQuotes.npos) ++end;
    if (end == text.size() || is_blank(text[end])) return end;
  }
  return text.size();
}

}  // namespace

std::vector<std::string_view> split_sentences(std::string_view text) {
  std::vector<std::string_view> sentences;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = end_of_sentence(text, from);
    sentences.push_back(text.substr(from, end - from));
    from = end;
  }
  return sentences;
}

Filler::Filler(const Tokenizer& tokenizer, std::string_view text, const std::string& name) : starts_{0} {
  for (const std::string_view sentence : split_sentences(text)) {
    const std::vector<int> tokens = tokenizer.encode(sentence, false, false);
    if (tokens.empty()) continue;
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    starts_.push_back(int(tokens_.size()));
  }
  if (tokens_.empty()) throw Error(ErrorKind::kBadFile, name + ": has no text");
}

Filler::Piece Filler::piece(int first_sentence, int tokens) const {
  Piece piece;
  const int from = starts_[std::size_t(first_sentence % sentences())];
  const int size = int(tokens_.size());
  while (int(piece.tokens.size()) < tokens) {
    const int at = (from + int(piece.tokens.size())) % size;
    if (std::ranges::binary_search(starts_, at)) piece.places.push_back(int(piece.tokens.size()));
    piece.tokens.push_back(tokens_[std::size_t(at)]);
  }
  piece.places.push_back(tokens);
  return piece;
}

int place_at(const Filler::Piece& piece, double share) {
  const double wanted = share * double(piece.tokens.size());
  return *std::ranges::min_element(piece.places, {}, [&](int place) { return std::abs(double(place) - wanted); });
}

std::string filler_text(const std::string& path) { return path.empty() ? std::string(kBenchText) : read_file(path); }

}  // namespace leankv
