#include "backend/cuda/work_plan.h"

namespace leankv {

WorkPlan make_work_plan(std::span<const StepEntry> entries, int group) {
  WorkPlan plan;
  for (int i = 0; i < int(entries.size()); ++i) {
    const bool decode = entries[i].rows == 1;
    const int step = decode ? kQueriesPerWarp : kPromptQueries;
    for (int query = 0; query < entries[i].rows * group; query += step) {
      (decode ? plan.decode : plan.prompt).push_back({i, query});
    }
  }
  return plan;
}

}  // namespace leankv
