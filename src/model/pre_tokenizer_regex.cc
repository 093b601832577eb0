#include "model/pre_tokenizer_regex.h"

#include "base/error.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace leankv {
namespace {

constexpr uint32_t kMatchLimit = 10'000'000;       // PCRE2's own default: backtracks of one match
constexpr std::size_t kJitStackStart = 32 * 1024;  // bytes; PCRE2's manual proposes both (pcre2jit)
constexpr std::size_t kJitStackMax = 512 * 1024;

std::string describe(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};

}  // namespace

struct PreTokenizerRegex::Code {
  std::unique_ptr<pcre2_code, Freer<pcre2_code_free>> compiled;
};

struct PreTokenizerRegex::Scratch::Parts {
  std::unique_ptr<pcre2_match_data, Freer<pcre2_match_data_free>> match{pcre2_match_data_create(1, nullptr)};
  std::unique_ptr<pcre2_match_context, Freer<pcre2_match_context_free>> context{pcre2_match_context_create(nullptr)};
  std::unique_ptr<pcre2_jit_stack, Freer<pcre2_jit_stack_free>> stack{
      pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr)};
};

PreTokenizerRegex::Scratch::Scratch() : parts_(std::make_unique<Parts>()) {
  LEANKV_CHECK(parts_->match && parts_->context);
  pcre2_set_match_limit(parts_->context.get(), kMatchLimit);
  pcre2_jit_stack_assign(parts_->context.get(), nullptr, parts_->stack.get());
}

PreTokenizerRegex::Scratch::~Scratch() = default;

PreTokenizerRegex::PreTokenizerRegex(const std::string& pattern) : code_(std::make_unique<Code>()) {
  int error = 0;
  std::size_t offset = 0;
  code_->compiled.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                      PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr));
  if (!code_->compiled) {
    throw Error(ErrorKind::kUnsupported,
                "pre-tokeniser pattern " + pattern + ": " + describe(error) + " at byte " + std::to_string(offset));
  }
  // Where memory may not be both written and executed this fails, and pcre2_match interprets instead.
  pcre2_jit_compile(code_->compiled.get(), PCRE2_JIT_COMPLETE);
}

PreTokenizerRegex::~PreTokenizerRegex() = default;
PreTokenizerRegex::PreTokenizerRegex(PreTokenizerRegex&&) noexcept = default;
PreTokenizerRegex& PreTokenizerRegex::operator=(PreTokenizerRegex&&) noexcept = default;

void PreTokenizerRegex::split(std::string_view text, Scratch& scratch, std::vector<std::string_view>& pieces) const {
  const Scratch::Parts& parts = *scratch.parts_;
  const std::size_t* bounds = pcre2_get_ovector_pointer(parts.match.get());
  for (std::size_t at = 0; at < text.size();) {
    const int found = pcre2_match(code_->compiled.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                  PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, parts.match.get(), parts.context.get());
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
      throw Error(ErrorKind::kBadRequest, "cannot cut the text into pieces: " + describe(found) + "; send less text");
    }
    const std::size_t begin = found < 0 ? text.size() : bounds[0];
    if (begin > at) pieces.push_back(text.substr(at, begin - at));
    if (found < 0) break;
    pieces.push_back(text.substr(begin, bounds[1] - begin));
    at = bounds[1];
  }
}

}  // namespace leankv
