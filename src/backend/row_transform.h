// What happens to a key, value or query before it meets the codes: centring and rotation, as the policy says.
#pragma once

#include <vector>

#include "backend/sequence_state.h"

namespace leankv {

void transform_key(const Policy& policy, const HeadMemory& memory, int head_dim, float* x);  // x [head_dim]
void transform_value(const Policy& policy, int head_dim, float* x);
void transform_query(const Policy& policy, int head_dim, float* x);
void restore_output(const Policy& policy, int head_dim, float* x);  // of an attention output over transformed values

}  // namespace leankv
