#include "backend/cpu/kernels/attention.h"

namespace leankv {

const AttentionKernels& attention_kernels(Isa isa) {
  return visit_isa(isa, [](auto tag) -> const AttentionKernels& { return attention_kernels(tag); });
}

}  // namespace leankv
