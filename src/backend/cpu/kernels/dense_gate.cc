#include "backend/cpu/kernels/dense_gate.h"

#include "backend/cpu/simd/exp.h"

namespace leankv {
namespace LEANKV_ISA_NS {
namespace {

[[gnu::flatten]] void gate_row(float* gate, const float* up, int columns) {
  for (int c = 0; c < columns; ++c) gate[c] = gate[c] / (1.0f + exp_lane(-gate[c])) * up[c];
}

constexpr GateKernels kGateKernels = {gate_row};

}  // namespace
}  // namespace LEANKV_ISA_NS

const GateKernels& gate_kernels(ThisIsa) { return LEANKV_ISA_NS::kGateKernels; }

}  // namespace leankv
