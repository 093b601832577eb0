#include "backend/cpu/kernels/linear_functions.h"

namespace leankv {
namespace LEANKV_ISA_NS {
namespace {

constexpr LinearKernels kLinearKernels = {quantise_row, multiply_quantised, multiply_float};

}  // namespace
}  // namespace LEANKV_ISA_NS

const LinearKernels& linear_kernels(ThisIsa) { return LEANKV_ISA_NS::kLinearKernels; }

}  // namespace leankv
