// What happens to a key, value or query before it meets the codes: centring and rotation, as the policy says.
#pragma once

#include <span>

#include "kv/policy.h"
#include "kv/row_codec.h"

namespace leankv {

// x [head_dim]; mean [head_dim] of the head's keys (HeadMemory::key_mean), or empty; rows: KvCache::rows().
void transform_key(const RowCodec& rows, const Policy& policy, std::span<const float> mean, int head_dim, float* x);
void transform_value(const RowCodec& rows, const Policy& policy, int head_dim, float* x);
void transform_query(const RowCodec& rows, const Policy& policy, int head_dim, float* x);
// Of an attention output over transformed values.
void restore_output(const RowCodec& rows, const Policy& policy, int head_dim, float* x);

}  // namespace leankv
