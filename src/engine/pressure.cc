#include "engine/pressure.h"

#include <algorithm>
#include <string>

namespace leankv {

Choice* Pressure::relieve(const std::vector<Choice*>& running) {
  if (running.size() < 2) return nullptr;
  Choice* youngest = *std::ranges::max_element(running, [](Choice* a, Choice* b) { return comes_before(*a, *b); });
  ++counts_.sequences;
  counts_.tokens += youngest->fed();
  ++youngest->recomputed;
  if (on_log_) {
    const Work& work = youngest->work;
    const std::string name = work.request.label.empty() ? std::to_string(work.id) : work.request.label;
    on_log_("the KV cache pool is short of pages: request " + name + " (choice " + std::to_string(youngest->index) +
            ") waits, its " + std::to_string(youngest->fed()) + " tokens are computed again later");
  }
  youngest->sequence.reset();
  return youngest;
}

}  // namespace leankv
