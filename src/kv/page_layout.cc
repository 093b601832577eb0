#include "kv/page_layout.h"

#include "base/error.h"

namespace leankv {
namespace {

constexpr int kSmallestPage = 512;  // bytes; below, the 4-byte references and their lookups are no longer small change
constexpr int kTypicalHead = 1 << 16;  // bytes: about 1,000 tokens of K4V4 at head_dim 64
constexpr double kDoesNotFit = 1e9;

// Share of the memory that holds nothing, on average over the tiers: what is left at the end of every page, and half a
// page per tier of a head. Without the second term the largest page would win.
double waste(std::span<const TierId> tiers, int head_dim, int page_bytes) {
  double unused = 0;  // bytes of one page of each tier
  for (const TierId id : tiers) {
    const PageLayout layout = make_page_layout(id, head_dim, page_bytes);
    if (layout.tokens == 0) return kDoesNotFit;
    unused += page_bytes - layout.used_bytes;
  }
  const double n = double(tiers.size());
  return unused / (n * page_bytes) + n * page_bytes / 2 / kTypicalHead;
}

}  // namespace

int choose_page_bytes(std::span<const TierId> tiers, int head_dim) {
  LEANKV_CHECK(!tiers.empty());
  LEANKV_CHECK(head_dim > 0 && head_dim % 16 == 0 && head_dim <= kMaxHeadDim);
  int best = kSmallestPage;
  for (int bytes = kSmallestPage; bytes <= kTypicalHead; bytes += kPageAlignment) {
    if (waste(tiers, head_dim, bytes) < waste(tiers, head_dim, best)) best = bytes;
  }
  return best;
}

}  // namespace leankv
