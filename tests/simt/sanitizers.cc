#include "simt/sanitizers.h"

#if defined(LEANKV_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(LEANKV_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace leankv::simt {

#if defined(LEANKV_THREAD_SANITIZER)
bool sees_races() { return true; }
void* create_context() { return __tsan_create_fiber(0); }
void destroy_context(void* context) { __tsan_destroy_fiber(context); }
void* current_context() { return __tsan_get_current_fiber(); }
// No synchronisation comes with the switch: only barriers order the threads of a block. Like all of this file it is not
// instrumented, or it would be entered on one stack and left on another.
void switch_context(void* context) { __tsan_switch_to_fiber(context, __tsan_switch_to_fiber_no_sync); }
void acquire(void* token) { __tsan_acquire(token); }
void release(void* token) { __tsan_release(token); }
#else
bool sees_races() { return false; }
void* create_context() { return nullptr; }
void destroy_context(void*) {}
void* current_context() { return nullptr; }
void switch_context(void*) {}
void acquire(void*) {}
void release(void*) {}
#endif

#if defined(LEANKV_ADDRESS_SANITIZER)
// Else every emulated thread maps a second stack: fifteen times as slow.
extern "C" const char* __asan_default_options() { return "detect_stack_use_after_return=0"; }
bool forbids() { return true; }
void start_switch(void** fake_stack, const void* bottom, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
}
void finish_switch(void* fake_stack, const void** bottom, std::size_t* bytes) {
  __sanitizer_finish_switch_fiber(fake_stack, bottom, bytes);
}
void forbid(const void* from, std::size_t bytes) { __asan_poison_memory_region(from, bytes); }
void allow(const void* from, std::size_t bytes) { __asan_unpoison_memory_region(from, bytes); }
#else
bool forbids() { return false; }
void start_switch(void**, const void*, std::size_t) {}
void finish_switch(void*, const void**, std::size_t*) {}
void forbid(const void*, std::size_t) {}
void allow(const void*, std::size_t) {}
#endif

}  // namespace leankv::simt
