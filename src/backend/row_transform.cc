#include "backend/row_transform.h"

#include "base/half.h"
#include "kv/hadamard.h"

namespace leankv {
namespace {

void rotate(const Policy& policy, int head_dim, float* x) {
  if (policy.rotate) hadamard(x, head_dim);
}

}  // namespace

void transform_key(const Policy& policy, const HeadMemory& memory, int head_dim, float* x) {
  if (!memory.key_mean.empty()) {
    for (int c = 0; c < head_dim; ++c) x[c] -= half_to_float(memory.key_mean[c]);
  }
  rotate(policy, head_dim, x);
}

void transform_value(const Policy& policy, int head_dim, float* x) { rotate(policy, head_dim, x); }
void transform_query(const Policy& policy, int head_dim, float* x) { rotate(policy, head_dim, x); }
void restore_output(const Policy& policy, int head_dim, float* x) { rotate(policy, head_dim, x); }

}  // namespace leankv
