// Significance of many tokens at once: kv/significance_rules.h in the verbs, with the same roundings.
#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/attention_functions.h"
#include "kv/significance_rules.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

static_assert(kLevelsPerOctave == 1 << 6);

// The powers of the levels and, for a last step that has none above it, 2.
struct Powers {
  alignas(64) float of[kLevelsPerOctave + 1];
};

inline Floats mean_of(const Powers& powers, Ints level) {
  const Ints octave = shift_right<6>(level), step = bit_and(level, kLevelsPerOctave - 1);
  const Ints exponent = shift_left<23>(add(octave, broadcast_int(kLowestOctave)));
  const Floats mean = floats_of_bits(add(bits_of_floats(gather(powers.of, step)), exponent));
  return zero_where_equal(mean, to_float(level), broadcast(0));
}

inline Ints level_below(const Powers& powers, Floats mean) {
  const Ints bits = bits_of_floats(max(mean, broadcast(0)));
  const Floats m = floats_of_bits(add(bit_and(bits, 0x7fffff), broadcast_int(0x3f800000)));
  // log2 m within .0089 (at 1.18), so less than .57 of a step: one step either way mends it.
  const Floats factor = sub(broadcast(2.0f), mul(m, broadcast(1.0f / 3)));
  const Floats log2 = sub(mul(factor, m), broadcast(5.0f / 3));
  const Ints zero = broadcast_int(0), one = broadcast_int(1), last = broadcast_int(kLevelsPerOctave - 1);
  const Ints step = min(last, max(zero, truncate_to_int(mul(log2, broadcast(kLevelsPerOctave)))));
  const Ints not_up = one_where_less(m, gather(powers.of, add(step, one)));
  const Ints down = one_where_less(m, gather(powers.of, step));
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

inline Ints updated(const Powers& powers, Ints bits, Floats seen, Ints token, const ObservedQueries& queries) {
  const Floats observed = div(seen, broadcast(float(queries.rows)));
  const Floats weight = look_up_16(queries.weight, bit_and(bits, 15)), mean = mean_of(powers, shift_right<4>(bits));
  const Floats target = add(mean, mul(sub(observed, mean), weight));
  const Ints level = level_below(powers, target), top = broadcast_int(kSignificanceLevels - 1);
  const Ints above = min(top, add(level, broadcast_int(1)));
  const Floats low = mean_of(powers, level), high = mean_of(powers, above);
  const Ints rises = sub(above, level);  // 1, but 0 at the top
  const Floats span = add(sub(high, low), to_float(sub(broadcast_int(1), rises)));
  const Ints up = min(rises, one_where_less(chance_of(queries, token), div(sub(target, low), span)));
  return add(shift_left<4>(add(level, up)), bit_and(bits, 15));
}

}  // namespace

[[gnu::flatten]] void update_significances(uint16_t* bits, int n, const float* observed,
                                           const ObservedQueries& queries) {
  Powers powers;
  static constexpr LevelPowers kPowers;
  for (int i = 0; i < kLevelsPerOctave; ++i) powers.of[i] = kPowers.level[i];
  powers.of[kLevelsPerOctave] = 2;
  int32_t count[kLanes], out[kLanes];
  for (int i = 0; i < kLanes; ++i) count[i] = queries.first_token + i;
  for (int first = 0; first < n; first += kLanes) {
    const int some = n - first < kLanes ? n - first : kLanes;
    uint16_t in[kLanes] = {};
    float seen[kLanes] = {};
    __builtin_memcpy(in, bits + first, some * sizeof *in);
    __builtin_memcpy(seen, observed + first, some * sizeof *seen);
    const Ints token = add(load_ints(count), broadcast_int(first));
    store_ints(out, updated(powers, load_u16(in), load(seen), token, queries));
    for (int i = 0; i < some; ++i) bits[first + i] = uint16_t(out[i]);
  }
}

}  // namespace leankv::LEANKV_ISA_NS
