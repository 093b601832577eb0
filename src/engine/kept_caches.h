// Caches of answers that have ended, for requests that go on where one of them ended: a conversation's next turn feeds
// only what is new. They lie in pages and slots that nobody needs yet: whoever does takes them, the oldest first.
#pragma once

#include <deque>
#include <optional>
#include <span>

#include "engine/engine.h"

namespace leankv {

class KeptCaches {
 public:
  // At most so many; 0: none is kept. The engine must outlive it.
  KeptCaches(Engine& engine, int most) : engine_(engine), most_(std::size_t(most)) {}

  // REQUIRES a sequence that was not interrupted in its prompt, whose judgement was planned for its length.
  void keep(Sequence sequence);
  // The one that holds most of a prompt's tokens, at least half, all of its own among them but not all of the prompt's:
  // the last one must still be fed. Only of the same policy, and with positions where they are wanted. A copy while
  // slots and pages are free, so that others can go on from the same place; else the kept one itself.
  std::optional<Sequence> take(std::span<const int> prompt, const Policy& policy, bool positions);

  bool keeps_any() const { return most_ > 0; }
  // What fn gives, an optional; while that is none, again for each kept cache that is dropped.
  template <class Fn>
  auto making_room(Fn&& fn) {
    auto made = fn();
    while (!made && drop_oldest()) made = fn();
    return made;
  }
  bool drop_oldest();  // false where there is none
  // Tokens that the one in this slot held; none where there is none.
  std::optional<int> erase(SlotId slot);
  const Sequence* in(SlotId slot) const;                     // null where there is none
  const std::deque<Sequence>& all() const { return kept_; }  // oldest first
  int64_t pages() const;

 private:
  Engine& engine_;
  std::size_t most_;
  std::deque<Sequence> kept_;
};

}  // namespace leankv
