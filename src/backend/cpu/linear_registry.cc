#include "backend/cpu/kernels/linear.h"
#include "backend/cpu/tiles/linear_tiles.h"

namespace leankv {

const LinearKernels& linear_kernels(Isa isa) {
#if defined(__x86_64__)
  static const LinearKernels kAmxKernels = in_tiles(linear_kernels(Avx512VnniIsa{}));
  if (isa == Isa::kAmx) return kAmxKernels;
#endif
  return visit_isa(isa, [](auto tag) -> const LinearKernels& { return linear_kernels(tag); });
}

}  // namespace leankv
