#include "kv/significance.h"

#include "kv/significance_rules.h"

namespace leankv {

float level_mean(int level) { return mean_of_level(level); }

int nearest_level(float mean) { return level_nearest(mean); }

uint16_t update_significance(uint16_t bits, float observed, float weight, uint32_t dither) {
  return significance_after(bits, observed, weight, dither);
}

void update_significances(uint16_t* bits, int n, const float* observed, const ObservedQueries& queries) {
  for (int i = 0; i < n; ++i) {
    const uint32_t dither = significance_dither(queries.where, uint32_t(queries.first_token + i));
    const float weight = queries.weights != nullptr ? queries.weights[i] : queries.weight[bits[i] & 15];
    bits[i] = significance_after(bits[i], observed[i] / float(queries.rows), weight, dither);
  }
}

}  // namespace leankv
