#include "backend/cpu/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>

namespace leankv {
namespace {

constexpr size_t kLargestPiece = 32 << 20;  // what lies behind the last weights is never touched, so it costs nothing
constexpr size_t kLine = 64;                // bytes

constexpr size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

std::byte* WeightMemory::take(size_t bytes) {
  const size_t whole = round_up(bytes, kLine);
  if (whole > left_) {
    add_piece(std::max(whole, next_piece_));
    next_piece_ = std::min(2 * next_piece_, kLargestPiece);
  }
  std::byte* taken = next_;
  next_ += whole, left_ -= whole;
  return taken;
}

void WeightMemory::add_piece(size_t bytes) {
  const size_t whole = round_up(bytes, size_t(kHugePage));
  next_ = static_cast<std::byte*>(::operator new(whole, kHugePage));
  left_ = whole;
  pieces_.emplace_back(next_);
#if defined(MADV_HUGEPAGE)
  madvise(next_, whole, MADV_HUGEPAGE);  // advice: where it is not taken, the weights lie on small pages
#endif
}

}  // namespace leankv
