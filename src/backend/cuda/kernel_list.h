// Kernels by group: what a Device can launch. Each group has a header of its own, so that a change to one does not
// compile the others anew.
#pragma once

namespace leankv {

template <class... Kernels>
struct KernelList {};

}  // namespace leankv
