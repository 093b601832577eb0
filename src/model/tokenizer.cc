#include "model/tokenizer.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "model/tokenizer_alphabet.h"
#include "model/utf8.h"

namespace leankv {
namespace {

// Control tokens that end a text or a turn in the families that this program runs, whatever the file calls eos.
constexpr std::string_view kEndTexts[] = {"<|endoftext|>",   "<|im_end|>", "<|eot_id|>",    "<|eom_id|>",
                                          "<|end_of_text|>", "<|end|>",    "<end_of_turn>", "</s>"};

void require_supported(const Vocabulary& v) {
  if (v.model == "gpt2" || v.is_sentencepiece()) return;
  throw Error(ErrorKind::kUnsupported, "tokeniser \"" + v.model +
                                           "\" is not supported; these are: gpt2 (byte-level byte pair encoding), "
                                           "llama (SentencePiece)");
}

void require_consistent(const Vocabulary& v) {
  const std::size_t n = v.tokens.size();
  const auto bad = [n](const std::string& what) {
    throw Error(ErrorKind::kBadFile, "vocabulary of " + std::to_string(n) + " tokens: " + what);
  };
  if (n == 0 || n > std::size_t(std::numeric_limits<int>::max())) bad("impossible size");
  if (!v.types.empty() && v.types.size() != n) bad("it has " + std::to_string(v.types.size()) + " token types");
  for (int id : {v.bos, v.eos, v.eot}) {
    if (id < -1 || id >= int(n)) bad("a special token has id " + std::to_string(id));
  }
}

bool is_written_out(TokenType type) { return type == TokenType::kControl || type == TokenType::kUserDefined; }

std::string bytes_of(const Vocabulary& v, std::size_t id) {
  const TokenType type = v.type_of(id);
  if (is_written_out(type)) return v.tokens[id];
  if (v.is_sentencepiece()) return SentencePieces::bytes_of(v.tokens[id], type);
  return bytes_of_characters(v.tokens[id]).value_or(v.tokens[id]);
}

}  // namespace

struct Tokenizer::Scratch {
  PreTokenizerRegex::Scratch regex;
  MergeTable::Scratch merges;
  std::vector<int> bytes;  // tokens of a piece's bytes
  SentencePieces::Scratch sentence_pieces;
};

Tokenizer::Tokenizer(const Vocabulary& vocabulary)
    : bos_(vocabulary.bos), eos_(vocabulary.eos), adds_bos_(vocabulary.add_bos) {
  require_supported(vocabulary);
  require_consistent(vocabulary);
  add_tokens(vocabulary);
  if (vocabulary.is_sentencepiece()) {
    sentence_pieces_.emplace(vocabulary);
    for (int byte = 0; byte < 256; ++byte) byte_tokens_[byte] = sentence_pieces_->byte_token(uint8_t(byte));
  } else {
    pre_tokenizer_.emplace(vocabulary.pre);
    add_merges(vocabulary);
  }
}

void Tokenizer::add_tokens(const Vocabulary& v) {
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    const TokenType type = v.type_of(i);
    types_.push_back(type);
    pieces_.push_back(bytes_of(v, i));
    if (is_written_out(type)) with_control_.add(v.tokens[i], int(i));
    if (type == TokenType::kUserDefined) always_.add(v.tokens[i], int(i));
    const bool is_end = std::ranges::find(kEndTexts, v.tokens[i]) != std::end(kEndTexts);
    ends_.push_back(int(i) == v.eos || int(i) == v.eot || (type == TokenType::kControl && is_end));
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (types_[i] == TokenType::kNormal) ids_[pieces_[i]] = int(i);
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) ids_.try_emplace(pieces_[i], int(i));
}

void Tokenizer::add_merges(const Vocabulary& v) {
  std::unordered_map<std::string_view, int> by_text;
  for (std::size_t i = 0; i < v.tokens.size(); ++i) by_text[v.tokens[i]] = int(i);
  const auto id_of = [&](std::string_view text, std::string_view merge) {
    const auto found = by_text.find(text);
    if (found != by_text.end()) return found->second;
    throw Error(ErrorKind::kBadFile,
                "merge \"" + std::string(merge) + "\": \"" + std::string(text) + "\" is not a token of the vocabulary");
  };
  for (int byte = 0; byte < 256; ++byte) {
    std::string text;
    append_utf8(text, byte_character(uint8_t(byte)));
    const auto found = by_text.find(text);
    byte_tokens_[std::size_t(byte)] = found == by_text.end() ? -1 : found->second;
  }
  for (std::size_t rank = 0; rank < v.merges.size(); ++rank) {
    const std::string_view merge = v.merges[rank];
    const std::size_t space = merge.find(' ');
    if (space == merge.npos) {
      throw Error(ErrorKind::kBadFile, "merge \"" + std::string(merge) + "\" is not two tokens with a space between");
    }
    const std::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
    const std::string merged = std::string(left) + std::string(right);
    merges_.add(id_of(left, merge), id_of(right, merge), id_of(merged, merge), int(rank));
  }
}

std::vector<int> Tokenizer::encode(std::string_view text, bool parse_special, bool begins) const {
  if (text.size() > kMaxTextBytes) {
    throw Error(ErrorKind::kBadRequest, "text of " + std::to_string(text.size()) + " bytes; at most " +
                                            std::to_string(kMaxTextBytes) + " can be tokenised at once");
  }
  const SpecialTokens& specials = parse_special ? with_control_ : always_;
  Scratch scratch;
  std::vector<int> ids;
  std::size_t at = 0;
  while (const auto match = specials.find(text, at)) {
    encode_text(text.substr(at, match->begin - at), begins || at > 0, scratch, ids);
    ids.push_back(match->id);
    at = match->begin + match->size;
  }
  encode_text(text.substr(at), begins || at > 0, scratch, ids);
  return ids;
}

void Tokenizer::encode_text(std::string_view text, bool begins, Scratch& scratch, std::vector<int>& out) const {
  if (sentence_pieces_) return sentence_pieces_->encode(text, begins, scratch.sentence_pieces, out);
  encode_bytes(text, scratch, out);
}

// Valid stretches as a whole, other bytes one by one.
void Tokenizer::encode_bytes(std::string_view text, Scratch& scratch, std::vector<int>& out) const {
  std::size_t valid = 0;  // where the current valid stretch starts
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text.substr(at));
    const std::size_t end = at + std::size_t(c.bytes);
    if (c.state != Utf8State::kValid) {
      encode_valid(text.substr(valid, at - valid), scratch, out);
      for (; at < end; ++at) {
        if (const int id = byte_tokens_[uint8_t(text[at])]; id >= 0) out.push_back(id);
      }
      valid = end;
    }
    at = end;
  }
  encode_valid(text.substr(valid), scratch, out);
}

void Tokenizer::encode_valid(std::string_view text, Scratch& scratch, std::vector<int>& out) const {
  if (text.empty()) return;
  const std::string composed = pre_tokenizer_->composes() ? nfc(text) : std::string();
  if (pre_tokenizer_->composes()) text = composed;
  for (std::string_view piece : pre_tokenizer_->split(text, scratch.regex)) {
    if (pre_tokenizer_->prefers_whole_tokens()) {
      if (const auto whole = ids_.find(piece);
          whole != ids_.end() && types_[std::size_t(whole->second)] == TokenType::kNormal) {
        out.push_back(whole->second);
        continue;
      }
    }
    scratch.bytes.clear();
    for (char byte : piece) {
      if (const int id = byte_tokens_[uint8_t(byte)]; id >= 0) scratch.bytes.push_back(id);
    }
    merges_.apply(scratch.bytes, scratch.merges, out);
  }
}

std::string Tokenizer::decode(std::span<const int> ids, bool show_control) const {
  std::string text;
  const bool adds_space = sentence_pieces_ && sentence_pieces_->adds_space();
  bool begins = adds_space;
  for (int id : ids) {
    const std::string_view bytes = piece(id, show_control);
    text += begins && bytes.starts_with(' ') ? bytes.substr(1) : bytes;
    begins = adds_space && is_written_out(types_[std::size_t(id)]);
  }
  return text;
}

std::string_view Tokenizer::piece(int id, bool show_control) const {
  LEANKV_CHECK(id >= 0 && id < size());
  if (is_control(id) && !show_control) return {};
  return pieces_[std::size_t(id)];
}

int Tokenizer::find(std::string_view bytes) const {
  const auto found = ids_.find(bytes);
  return found == ids_.end() ? -1 : found->second;
}

bool Tokenizer::is_control(int id) const {
  LEANKV_CHECK(id >= 0 && id < size());
  const TokenType type = types_[std::size_t(id)];
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

bool Tokenizer::is_end_of_text(int id) const {
  LEANKV_CHECK(id >= 0 && id < size());
  return ends_[std::size_t(id)];
}

}  // namespace leankv
