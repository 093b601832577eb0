#include "model/tokenizer_specials.h"

namespace leankv {

void SpecialTokens::add(std::string_view text, int id) {
  if (text.empty()) return;
  std::size_t at = 0;
  for (char c : text) {
    const auto [edge, is_new] = nodes_[at].next.try_emplace(c, nodes_.size());
    at = edge->second;
    if (is_new) nodes_.emplace_back();
  }
  nodes_[at].id = id;
}

std::optional<SpecialTokens::Match> SpecialTokens::longest_at(std::string_view text, std::size_t begin) const {
  std::optional<Match> best;
  std::size_t node = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const auto edge = nodes_[node].next.find(text[i]);
    if (edge == nodes_[node].next.end()) break;
    node = edge->second;
    if (nodes_[node].id >= 0) best = Match{begin, i + 1 - begin, nodes_[node].id};
  }
  return best;
}

std::optional<SpecialTokens::Match> SpecialTokens::find(std::string_view text, std::size_t from) const {
  if (nodes_[0].next.empty()) return std::nullopt;
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (const std::optional<Match> match = longest_at(text, begin)) return match;
  }
  return std::nullopt;
}

}  // namespace leankv
