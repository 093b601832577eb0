// A regular expression that cuts text into pieces (PCRE2, compiled to machine code where the machine allows it).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace leankv {

// Read-only after construction, so usable from several threads, each with its own Scratch.
class PreTokenizerRegex {
 public:
  class Scratch;
  explicit PreTokenizerRegex(const std::string& pattern);
  ~PreTokenizerRegex();
  PreTokenizerRegex(PreTokenizerRegex&&) noexcept;
  PreTokenizerRegex& operator=(PreTokenizerRegex&&) noexcept;

  // Appends the matches and the gaps between them: together exactly text. REQUIRES text is valid UTF-8.
  // Throws kBadRequest when the matcher reaches its limit of work.
  void split(std::string_view text, Scratch& scratch, std::vector<std::string_view>& pieces) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

// What one thread needs while matching.
class PreTokenizerRegex::Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

 private:
  friend class PreTokenizerRegex;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace leankv
