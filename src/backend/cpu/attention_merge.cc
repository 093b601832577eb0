#include "backend/cpu/attention_merge.h"

namespace leankv {

MergedResult merge_parts(const AttentionKernels& kernels, const PartialResults& partial, int head_dim, float* out,
                         std::vector<float>& scales) {
  scales.resize(std::size_t(partial.parts));
  for (int s = 0; s < partial.parts; ++s) scales[s] = partial.max[s * partial.step];
  MergedResult all{};
  float unused;
  kernels.exponentials(scales.data(), partial.parts, &all.max, &unused);
  for (int s = 0; s < partial.parts; ++s) all.sum += partial.sum[s * partial.step] * scales[s];
  for (float& scale : scales) scale /= all.sum;
  kernels.multiply(scales.data(), partial.parts, partial.out, partial.step * head_dim, out, head_dim, 1, head_dim,
                   partial.parts);
  return all;
}

}  // namespace leankv
