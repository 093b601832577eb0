// What the sanitisers need to be told about fibers and barriers. Nothing where none is built in.
#pragma once

#include <cstddef>

namespace leankv::simt {

// Thread sanitiser: whether it is built in; a context per fiber; what a barrier means.
bool sees_races();
void* create_context();
void destroy_context(void* context);
void* current_context();
void switch_context(void* context);
void acquire(void* token);
void release(void* token);

// Address sanitiser: whether it is built in; where the stacks are; bytes that nobody may touch.
bool forbids();
void start_switch(void** fake_stack, const void* bottom, std::size_t bytes);
void finish_switch(void* fake_stack, const void** bottom, std::size_t* bytes);
void forbid(const void* from, std::size_t bytes);
void allow(const void* from, std::size_t bytes);

}  // namespace leankv::simt
