// Any machine with ucontext.
#include <ucontext.h>

#include <cstdint>
#include <new>

#include "simt/switch_stack.h"

namespace leankv::simt {
namespace {

struct Entry {
  void (*function)(void*);
  void* argument;
};

// makecontext passes ints.
void call(unsigned high, unsigned low) {
  const auto* entry = reinterpret_cast<Entry*>(std::uintptr_t(high) << 16 << 16 | low);
  entry->function(entry->argument);
}

}  // namespace

// The context lies at the far end of the stack that it describes.
void* new_stack(std::byte* stack, std::size_t bytes, void (*entry)(void*), void* argument) {
  auto* context = new (stack) ucontext_t;
  auto* first = new (stack + sizeof(ucontext_t)) Entry{entry, argument};
  const std::size_t used = (sizeof(ucontext_t) + sizeof(Entry) + 63) / 64 * 64;
  getcontext(context);
  context->uc_stack.ss_sp = stack + used;
  context->uc_stack.ss_size = bytes - used;
  const auto address = reinterpret_cast<std::uintptr_t>(first);
  makecontext(context, reinterpret_cast<void (*)()>(call), 2, unsigned(address >> 16 >> 16), unsigned(address));
  return context;
}

void switch_stack(void** from, void* to) {
  ucontext_t here;
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}

}  // namespace leankv::simt
