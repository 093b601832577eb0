#include "backend/cpu/kernels/row_codec.h"

namespace leankv {

const RowCodec& row_codec(Isa isa) {
  return visit_isa(isa, [](auto tag) -> const RowCodec& { return row_codec(tag); });
}

}  // namespace leankv
