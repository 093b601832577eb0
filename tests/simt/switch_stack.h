// The machine's part of a fiber: one file per machine.
#pragma once

#include <cstddef>

namespace leankv::simt {

// Prepares a stack so that the first switch to the result calls entry(argument) on it. entry must not return.
void* new_stack(std::byte* stack, std::size_t bytes, void (*entry)(void*), void* argument);
// Leaves the current stack, whose pointer goes to *from, for another.
void switch_stack(void** from, void* to);

}  // namespace leankv::simt
