#include "backend/cpu/kernels/linear.h"

namespace leankv {

const LinearKernels& linear_kernels(Isa isa) {
  return visit_isa(isa, [](auto tag) -> const LinearKernels& { return linear_kernels(tag); });
}

}  // namespace leankv
