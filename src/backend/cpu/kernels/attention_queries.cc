// Queries in the form that meets key codes: 16-bit integers in two parts, each repeated for a tile's tokens.
#include "backend/cpu/kernels/attention_functions.h"
#include "backend/cpu/kernels/attention_tiles.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr float kLargestCode = 32639;  // its high byte is 127 after rounding

inline float largest_magnitude(const float* x, int n) {
  float most = 0;
  for (int i = 0; i < n; ++i) most = __builtin_fabsf(x[i]) > most ? __builtin_fabsf(x[i]) : most;
  return most;
}

// 4 channels for all tokens of a tile.
inline int8_t* repeat(const int8_t* four, int8_t* to) {
  for (int t = 0; t < kTileTokens; ++t, to += 4) __builtin_memcpy(to, four, 4);
  return to;
}

inline void quantise_query(const float* q, int head_dim, int8_t* codes, float* unit, int32_t* sum) {
  const float most = largest_magnitude(q, head_dim), per_unit = most > 0 ? kLargestCode / most : 0;
  int8_t first[kMaxHeadDim], second[kMaxHeadDim];
  int32_t integers[kMaxHeadDim];
  for (int c = 0; c < head_dim; c += kLanes) {
    const Ints code = round_to_int(mul(load(q + c), broadcast(per_unit)));
    store_ints(integers + c, code);
    store_parts(first + c, second + c, code);
  }
  *unit = most / kLargestCode;
  *sum = 0;
  for (int c = 0; c < head_dim; ++c) *sum += integers[c];
  for (int c = 0; c < head_dim; c += 4) codes = repeat(first + c, codes);
  for (int c = 0; c < head_dim; c += 4) codes = repeat(second + c, codes);
}

}  // namespace

[[gnu::flatten]] void quantise_queries(const float* q, int count, int head_dim, int8_t* codes, float* unit,
                                       int32_t* sum) {
  for (int i = 0; i < count; ++i) {
    quantise_query(q + i * head_dim, head_dim, codes + i * kQueryCodesPerChannel * head_dim, unit + i, sum + i);
  }
}

}  // namespace leankv::LEANKV_ISA_NS
