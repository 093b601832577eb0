#include "model/pre_tokenizer.h"

#include <array>

#include "base/error.h"

namespace leankv {
namespace {

struct Row {
  std::string_view name;
  bool prefers_whole_tokens, composes;
  char digits;                               // that stand together
  std::array<std::string_view, 2> patterns;  // one step each; empty: no step
};

// In patterns # stands for a row's digits, ~ for the characters of Unicode's property White_Space: what \s means to the
// tokenisers that models were trained with. PCRE2's own \s holds U+180E too.
constexpr std::string_view kWhiteSpace =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

// GPT-2 (encoder.py of its release): contractions, words, numbers, other signs, white space.
constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^~\p{L}\p{N}]+|[~]+(?![^~])|[~]+)";
// Llama 3, Qwen 2, 2.5 and 3 (tokenizer.json of their releases).
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,#}| ?[^~\p{L}\p{N}]+[\r\n]*|[~]*[\r\n]+|[~]+(?![^~])|[~]+)";
// Mistral NeMo (tokenizer.json of its release): words end where a capital follows a small letter.
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^~\p{L}\p{N}]+[\r\n/]*|[~]*[\r\n]+|[~]+(?![^~])|[~]+)";
constexpr std::string_view kSingleDigits = R"(\p{N})";

constexpr Row kRows[] = {
    {"gpt-2", false, false, '1', {kGpt2}},
    {"llama-bpe", true, false, '3', {kLlama3}},
    {"llama3", true, false, '3', {kLlama3}},
    {"llama-v3", true, false, '3', {kLlama3}},
    {"smollm", false, false, '1', {kSingleDigits, kGpt2}},
    {"qwen2", false, true, '1', {kLlama3}},
    {"deepseek-r1-qwen", false, false, '1', {kLlama3}},
    {"tekken", true, false, '1', {kTekken}},
};

std::string expand(std::string_view pattern, char digits) {
  std::string out;
  for (char c : pattern) {
    if (c == '~')
      out += kWhiteSpace;
    else
      out += c == '#' ? digits : c;
  }
  return out;
}

const Row& row_of(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row;
  }
  throw Error(ErrorKind::kUnsupported,
              "pre-tokeniser \"" + std::string(name) + "\" is not supported; these are: " + pre_tokenizer_names());
}

}  // namespace

PreTokenizer::PreTokenizer(std::string_view name) {
  const Row& row = row_of(name);
  composes_ = row.composes;
  prefers_whole_tokens_ = row.prefers_whole_tokens;
  for (std::string_view pattern : row.patterns) {
    if (!pattern.empty()) steps_.emplace_back(expand(pattern, row.digits));
  }
}

std::vector<std::string_view> PreTokenizer::split(std::string_view text, PreTokenizerRegex::Scratch& scratch) const {
  std::vector<std::string_view> pieces{text};
  for (const PreTokenizerRegex& step : steps_) {
    std::vector<std::string_view> finer;
    for (std::string_view piece : pieces) step.split(piece, scratch, finer);
    pieces = std::move(finer);
  }
  return pieces;
}

std::string pre_tokenizer_names() {
  std::string names;
  for (const Row& row : kRows) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

}  // namespace leankv
