#include "backend/row_transform.h"

namespace leankv {
namespace {

void rotate(const RowCodec& rows, const Policy& policy, int head_dim, float* x) {
  if (policy.rotate) rows.hadamard(x, head_dim);
}

}  // namespace

void transform_key(const RowCodec& rows, const Policy& policy, std::span<const float> mean, int head_dim, float* x) {
  for (std::size_t c = 0; c < mean.size(); ++c) x[c] -= mean[c];
  rotate(rows, policy, head_dim, x);
}

void transform_value(const RowCodec& rows, const Policy& policy, int head_dim, float* x) {
  rotate(rows, policy, head_dim, x);
}
void transform_query(const RowCodec& rows, const Policy& policy, int head_dim, float* x) {
  rotate(rows, policy, head_dim, x);
}
void restore_output(const RowCodec& rows, const Policy& policy, int head_dim, float* x) {
  rotate(rows, policy, head_dim, x);
}

}  // namespace leankv
