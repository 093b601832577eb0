// The gated activation of a feed-forward layer.
#pragma once

#include "backend/cpu/kernels/kernels.h"

namespace leankv {

struct GateKernels {
  // gate = gate / (1 + exp(-gate)) * up; gate, up [columns]. Bit-identical on all instruction sets.
  void (*gate_row)(float* gate, const float* up, int columns);
};

const GateKernels& gate_kernels(ScalarIsa);
const GateKernels& gate_kernels(Avx2Isa);
const GateKernels& gate_kernels(Avx512Isa);
const GateKernels& gate_kernels(Avx512VnniIsa);
const GateKernels& gate_kernels(Isa isa);

}  // namespace leankv
