// 16-bit numbers against bytes where there is a product of bytes: the high and the low byte, each multiplied for
// itself. Included by the verbs that have dot<8>.
#pragma once

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kPartSums = 2;
inline Ints high_part(Ints a) { return shift_right<8>(add(a, broadcast_int(128))); }
inline void store_parts(int8_t* high, int8_t* low, Ints a) {
  store_low_bytes(high, high_part(a));
  store_low_bytes(low, a);
}
inline void add_parts(Ints* sums, Ints a) {
  sums[0] = add(sums[0], high_part(a));
  sums[1] = add(sums[1], sub(a, shift_left<8>(high_part(a))));
}
template <int kPart>
inline Bytes part_of(Bytes codes) {
  return codes;
}
inline Ints dot_part(Ints sum, Bytes codes, Bytes x) { return dot<8>(sum, codes, x); }
inline Ints join_parts(Ints high, Ints low) { return add(shift_left<8>(high), low); }

}  // namespace leankv::LEANKV_ISA_NS
