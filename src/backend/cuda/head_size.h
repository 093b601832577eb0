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

}  // namespace leankv
