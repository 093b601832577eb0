// What gives way when the pool of pages runs short. Today: the youngest, which gives everything back and is computed
// again when there is room. Softer answers come here, before it.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "engine/choice.h"

namespace leankv {

struct PressureCounts {
  int64_t sequences = 0;  // that gave their pages back
  int64_t tokens = 0;     // that they held, to be fed again
};

class Pressure {
 public:
  explicit Pressure(std::function<void(std::string_view)> on_log) : on_log_(std::move(on_log)) {}

  // Takes the pages of the youngest of `running` and returns it; it is up to the caller to let it wait. Nobody when
  // there is only one: then its own limit is what holds.
  Choice* relieve(const std::vector<Choice*>& running);
  const PressureCounts& counts() const { return counts_; }

 private:
  std::function<void(std::string_view)> on_log_;
  PressureCounts counts_;
};

}  // namespace leankv
