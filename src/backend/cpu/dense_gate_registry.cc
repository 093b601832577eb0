#include "backend/cpu/kernels/dense_gate.h"

namespace leankv {

const GateKernels& gate_kernels(Isa isa) {
  return visit_isa(isa, [](auto tag) -> const GateKernels& { return gate_kernels(tag); });
}

}  // namespace leankv
