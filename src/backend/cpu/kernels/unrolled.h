// Loops over registers, written out before the optimiser looks at arrays: g++ 12 unrolls plain loops only after it has
// given up keeping their arrays in registers, and then stores every sum in every step.
#pragma once

#include <utility>

namespace leankv::LEANKV_ISA_NS {

template <int i>
struct Index {
  constexpr operator int() const { return i; }  // NOLINT: it is meant to be used as a number
};

template <class F, int... i>
[[gnu::always_inline]] inline void each_of(std::integer_sequence<int, i...>, F&& f) {
  (f(Index<i>{}), ...);
}

// f(0), f(1), ... f(n - 1), each with a constant.
template <int n, class F>
[[gnu::always_inline]] inline void unrolled(F&& f) {
  each_of(std::make_integer_sequence<int, n>{}, f);
}

}  // namespace leankv::LEANKV_ISA_NS
