// 16-bit numbers that are multiplied and added by two. Included by the verbs whose dot_pairs takes the two of a lane
// from one 32-bit word.
#pragma once

namespace leankv::LEANKV_ISA_NS {

inline void store_pairs(int16_t* to, Ints even, Ints odd) {
  store_ints(reinterpret_cast<int32_t*>(to), add(bit_and(even, 0xffff), shift_left<16>(odd)));
}

}  // namespace leankv::LEANKV_ISA_NS
