#include "engine/kept_caches.h"

#include <algorithm>
#include <utility>

namespace leankv {
namespace {

// What follows a kept cache is lowered on its way, as an answer is, and not judged as a prompt, which sees more: so
// where most of the prompt is new it is better computed whole.
bool goes_on(const Sequence& sequence, std::span<const int> prompt) {
  const std::size_t held = sequence.tokens.size();
  return held < prompt.size() && 2 * held >= prompt.size() && std::ranges::equal(sequence.tokens, prompt.first(held));
}

}  // namespace

void KeptCaches::keep(Sequence sequence) {
  LEANKV_CHECK(int(sequence.tokens.size()) >= sequence.prompt_tokens);
  kept_.push_back(std::move(sequence));
  while (kept_.size() > most_) drop_oldest();
}

std::optional<Sequence> KeptCaches::take(std::span<const int> prompt, const Policy& policy, bool positions) {
  const bool has_positions = positions && engine_.cache().keeper() == nullptr;
  auto best = kept_.end();
  for (auto at = kept_.begin(); at != kept_.end(); ++at) {
    const SequenceState& state = engine_.cache().state(at->slot());
    if (state.policy != policy || state.positions.empty() == has_positions || !goes_on(*at, prompt)) continue;
    if (best == kept_.end() || at->tokens.size() > best->tokens.size()) best = at;
  }
  if (best == kept_.end()) return std::nullopt;
  std::optional<Sequence> copy = engine_.copy(*best);
  Sequence sequence = std::move(*best);
  kept_.erase(best);
  if (!copy) return sequence;
  keep(std::move(sequence));  // the newest now
  return copy;
}

bool KeptCaches::drop_oldest() {
  if (kept_.empty()) return false;
  kept_.pop_front();
  return true;
}

const Sequence* KeptCaches::in(SlotId slot) const {
  const auto found = std::ranges::find(kept_, slot, &Sequence::slot);
  return found == kept_.end() ? nullptr : &*found;
}

std::optional<int> KeptCaches::erase(SlotId slot) {
  const Sequence* found = in(slot);
  if (found == nullptr) return std::nullopt;
  const int tokens = int(found->tokens.size());
  kept_.erase(std::ranges::find(kept_, slot, &Sequence::slot));
  return tokens;
}

int64_t KeptCaches::pages() const {
  int64_t pages = 0;
  for (const Sequence& sequence : kept_) pages += engine_.cache().pages_of(sequence.slot());
  return pages;
}

}  // namespace leankv
