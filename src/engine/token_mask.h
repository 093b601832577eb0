// Which tokens may come next: the engine's side of a grammar.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace leankv {

// The state of one answer; used from the thread that samples.
class TokenMask {
 public:
  virtual ~TokenMask() = default;

  // Sets bit (allowed[t / 64] >> t % 64 & 1) of every token that may come next, end-of-text tokens where the text may
  // end here. allowed [(vocabulary + 63) / 64] comes in as zeros. One that allows nothing is an error of the request.
  virtual void allow(std::span<uint64_t> allowed) = 0;
  // The token that was chosen, one of those allowed. Not called for an end-of-text token.
  virtual void accept(int token) = 0;
  // The same state for another answer to the same prompt.
  virtual std::unique_ptr<TokenMask> clone() const = 0;
};

}  // namespace leankv
