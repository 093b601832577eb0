// The sizes of heads that kernels are made for: a head of another size uses the next larger one.
#pragma once

#include <type_traits>

namespace leankv {

// Calls f with the least of 4, 8, 16 rows of 16 channels that hold head_dim, as a type: the one place.
template <class F>
void visit_head_size(int head_dim, F&& f) {
  if (head_dim <= 64) return f(std::integral_constant<int, 4>{});
  if (head_dim <= 128) return f(std::integral_constant<int, 8>{});
  return f(std::integral_constant<int, 16>{});
}

// The same, and whether all planes of a tile have whole cache lines (quads.cuh).
template <class F>
void visit_head_shape(int head_dim, F&& f) {
  visit_head_size(head_dim, [&](auto size) {
    if (head_dim % 64 == 0) return f(size, std::true_type{});
    return f(size, std::false_type{});
  });
}

}  // namespace leankv
