#include "backend/cpu/kernels/dense_rows.h"

namespace leankv {

const RowKernels& row_kernels(Isa isa) {
  return visit_isa(isa, [](auto tag) -> const RowKernels& { return row_kernels(tag); });
}

}  // namespace leankv
