// Significance of many tokens at once: kv/significance_rules.h in the verbs, with the same roundings.
#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/attention_functions.h"
#include "kv/significance_rules.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

static_assert(kLevelsPerOctave == 1 << 6);

constexpr LevelPowers kPowers;

inline Floats mean_of(Ints level) {
  const Ints octave = shift_right<6>(level), step = bit_and(level, kLevelsPerOctave - 1);
  const Ints exponent = shift_left<23>(add(octave, broadcast_int(kLowestOctave)));
  const Floats mean = floats_of_bits(add(bits_of_floats(look_up_64(kPowers.level, step)), exponent));
  return zero_where_equal(mean, to_float(level), broadcast(0));
}

inline Ints level_below(Floats mean) {
  const Ints bits = bits_of_floats(max(mean, broadcast(0)));
  const Floats m = floats_of_bits(add(bit_and(bits, 0x7fffff), broadcast_int(0x3f800000)));
  // log2 m within .0089 (at 1.18), so less than .57 of a step: one step either way mends it.
  const Floats factor = sub(broadcast(2.0f), mul(m, broadcast(1.0f / 3)));
  const Floats log2 = sub(mul(factor, m), broadcast(5.0f / 3));
  const Ints zero = broadcast_int(0), one = broadcast_int(1), last = broadcast_int(kLevelsPerOctave - 1);
  const Ints step = min(last, max(zero, truncate_to_int(mul(log2, broadcast(kLevelsPerOctave)))));
  const Ints is_last = sub(step, sub(last, one));  // 1 for the last step, which has none above it; else 0 or less
  const Ints not_up = max(is_last, one_where_less(m, look_up_64(kPowers.level, min(last, add(step, one)))));
  const Ints down = one_where_less(m, look_up_64(kPowers.level, step));
  const Ints mended = sub(add(step, one), add(not_up, down));
  const Ints octave = add(shift_right<23>(bits), broadcast_int(-127 - kLowestOctave));
  return min(broadcast_int(kSignificanceLevels - 1), max(zero, add(shift_left<6>(octave), mended)));
}

inline Floats chance_of(const ObservedQueries& queries, Ints token) {
  Ints h = bit_xor(broadcast_int(int32_t(queries.where)), mul(token, broadcast_int(int32_t(kDitherOfToken))));
  h = mul(bit_xor(h, shift_right_unsigned<15>(h)), broadcast_int(int32_t(kDitherFirst)));
  h = mul(bit_xor(h, shift_right_unsigned<12>(h)), broadcast_int(int32_t(kDitherSecond)));
  h = bit_xor(h, shift_right_unsigned<15>(h));
  return mul(to_float(shift_right_unsigned<8>(h)), broadcast(0x1p-24f));
}

inline Ints updated(Ints bits, Floats seen, Floats weight, Ints token, const ObservedQueries& queries) {
  const Floats observed = div(seen, broadcast(float(queries.rows))), mean = mean_of(shift_right<4>(bits));
  const Floats target = add(mean, mul(sub(observed, mean), weight));
  const Ints level = level_below(target), top = broadcast_int(kSignificanceLevels - 1);
  const Ints above = min(top, add(level, broadcast_int(1)));
  const Floats low = mean_of(level), high = mean_of(above);
  const Ints rises = sub(above, level);  // 1, but 0 at the top
  const Floats span = add(sub(high, low), to_float(sub(broadcast_int(1), rises)));
  const Ints up = min(rises, one_where_less(chance_of(queries, token), div(sub(target, low), span)));
  return add(shift_left<4>(add(level, up)), bit_and(bits, 15));
}

// kEach: with a weight for each token.
template <bool kEach>
inline void update_vector(uint16_t* bits, const float* observed, const float* weights, Ints token,
                          const ObservedQueries& queries) {
  const Ints now = load_u16(bits);
  const Floats weight = kEach ? load(weights) : look_up_16(queries.weight, bit_and(now, 15));
  store_u16(bits, updated(now, load(observed), weight, token, queries));
}

template <bool kEach>
inline void update_all(uint16_t* bits, int n, const float* observed, const ObservedQueries& queries) {
  int32_t count[kLanes];
  for (int i = 0; i < kLanes; ++i) count[i] = queries.first_token + i;
  const Ints token = load_ints(count);
  const float* weights = kEach ? queries.weights : observed;  // of no meaning if not kEach
  const int whole = n / kLanes * kLanes;
  for (int t = 0; t < whole; t += kLanes) {
    update_vector<kEach>(bits + t, observed + t, weights + t, add(token, broadcast_int(t)), queries);
  }
  if (whole == n) return;
  uint16_t rest[kLanes] = {};
  float seen[kLanes] = {}, weight[kLanes] = {};
  for (int i = whole; i < n; ++i)
    rest[i - whole] = bits[i], seen[i - whole] = observed[i], weight[i - whole] = weights[i];
  update_vector<kEach>(rest, seen, weight, add(token, broadcast_int(whole)), queries);
  for (int i = whole; i < n; ++i) bits[i] = rest[i - whole];
}

}  // namespace

[[gnu::flatten]] void update_significances(uint16_t* bits, int n, const float* observed,
                                           const ObservedQueries& queries) {
  queries.weights != nullptr ? update_all<true>(bits, n, observed, queries)
                             : update_all<false>(bits, n, observed, queries);
}

}  // namespace leankv::LEANKV_ISA_NS
