#include "model/tokenizer_sentencepiece.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "base/error.h"
#include "model/utf8.h"

namespace leankv {
namespace {

constexpr char32_t kSpace = 0x2581;
constexpr std::string_view kSpaceText = "\xE2\x96\x81";

// "<0x0A>"
std::optional<uint8_t> byte_of(std::string_view token) {
  constexpr std::string_view kBefore = "<0x";
  uint8_t byte = 0;
  if (token.size() != 6 || !token.starts_with(kBefore) || !token.ends_with('>')) return std::nullopt;
  const char *first = token.data() + kBefore.size(), *last = first + 2;
  return std::from_chars(first, last, byte, 16).ptr == last ? std::optional(byte) : std::nullopt;
}

// Equal scores are one rank: of these the leftmost pair merges first.
std::vector<int> ranks_of(const std::vector<float>& scores) {
  std::vector<float> sorted = scores;
  std::ranges::sort(sorted, std::greater());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<int> ranks;
  for (const float score : scores) {
    ranks.push_back(int(std::ranges::lower_bound(sorted, score, std::greater()) - sorted.begin()));
  }
  return ranks;
}

}  // namespace

SentencePieces::SentencePieces(const Vocabulary& v) : adds_space_(v.add_space_prefix) {
  if (v.scores.size() != v.tokens.size()) {
    throw Error(ErrorKind::kBadFile, "vocabulary of " + std::to_string(v.tokens.size()) + " tokens: it has " +
                                         std::to_string(v.scores.size()) + " scores");
  }
  if (std::ranges::any_of(v.scores, [](float score) { return score != score; })) {
    throw Error(ErrorKind::kBadFile, "vocabulary: a score is no number");
  }
  byte_tokens_.fill(-1);
  for (std::size_t id = 0; id < v.tokens.size(); ++id) {
    const TokenType type = v.type_of(id);
    if (type == TokenType::kUnknown && unknown_ < 0) unknown_ = int(id);
    if (type != TokenType::kByte) continue;
    const std::optional<uint8_t> byte = byte_of(v.tokens[id]);
    if (!byte) throw Error(ErrorKind::kBadFile, "vocabulary: \"" + v.tokens[id] + "\" is no byte as <0x00>");
    byte_tokens_[*byte] = int(id);
  }
  add_merges(v);
}

// Every way in which two pieces make a third.
void SentencePieces::add_merges(const Vocabulary& v) {
  const std::vector<int> ranks = ranks_of(v.scores);
  std::unordered_map<std::string_view, int> pieces;
  for (std::size_t id = 0; id < v.tokens.size(); ++id) {
    if (v.type_of(id) == TokenType::kNormal) pieces[v.tokens[id]] = int(id);
  }
  for (const auto& [text, id] : pieces) {
    if (text.empty()) continue;
    const Utf8Character first = read_utf8(text);
    if (std::size_t(first.bytes) == text.size() && first.state == Utf8State::kValid) characters_[first.code] = id;
    for (std::size_t at = std::size_t(first.bytes); at < text.size();
         at += std::size_t(read_utf8(text.substr(at)).bytes)) {
      const auto left = pieces.find(text.substr(0, at)), right = pieces.find(text.substr(at));
      if (left == pieces.end() || right == pieces.end()) continue;
      merges_.add(left->second, right->second, id, ranks[std::size_t(id)]);
    }
  }
}

std::string SentencePieces::bytes_of(const std::string& token, TokenType type) {
  if (type == TokenType::kByte) {
    const std::optional<uint8_t> byte = byte_of(token);
    return byte ? std::string(1, char(*byte)) : token;
  }
  if (type != TokenType::kNormal) return token;
  std::string bytes;
  for (std::size_t at = 0, end = 0; at < token.size(); at = end + kSpaceText.size()) {
    end = std::min(token.find(kSpaceText, at), token.size());
    bytes.append(token, at, end - at);
    if (end < token.size()) bytes += ' ';
  }
  return bytes;
}

void SentencePieces::encode(std::string_view text, bool begins, Scratch& scratch, std::vector<int>& out) const {
  if (text.empty()) return;
  scratch.characters.clear();
  const auto add = [&](char32_t code, std::string_view bytes) {
    const auto found = characters_.find(code);
    if (found != characters_.end()) {
      scratch.characters.push_back(found->second);
    } else {
      add_bytes(bytes, scratch.characters);
    }
  };
  if (begins && adds_space_) add(kSpace, " ");
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text.substr(at));
    const std::string_view bytes = text.substr(at, std::size_t(c.bytes));
    if (c.state == Utf8State::kValid) {
      add(c.code == ' ' ? kSpace : c.code, bytes);
    } else {
      add_bytes(bytes, scratch.characters);
    }
    at += bytes.size();
  }
  merges_.apply(scratch.characters, scratch.merges, out);
}

// Neighbours that are unknown are one unknown token, as SentencePiece has it.
void SentencePieces::add_bytes(std::string_view bytes, std::vector<int>& out) const {
  const auto has_token = [&](char byte) { return byte_tokens_[uint8_t(byte)] >= 0; };
  if (std::ranges::all_of(bytes, has_token)) {
    for (const char byte : bytes) out.push_back(byte_tokens_[uint8_t(byte)]);
  } else if (unknown_ >= 0 && (out.empty() || out.back() != unknown_)) {
    out.push_back(unknown_);
  }
}

}  // namespace leankv
