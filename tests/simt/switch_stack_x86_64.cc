#include <cstdint>

#include "simt/switch_stack.h"

// System V ABI: the callee-saved registers live on the stack that is left; control words are never changed.
asm(R"(
.text
.type leankv_simt_switch, @function
leankv_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.type leankv_simt_start, @function
leankv_simt_start:
  movq %r12, %rdi
  callq *%rbx
  ud2
)");
extern "C" void leankv_simt_switch(void** from, void* to);
extern "C" void leankv_simt_start();

namespace leankv::simt {

void* new_stack(std::byte* stack, std::size_t bytes, void (*entry)(void*), void* argument) {
  auto* top = reinterpret_cast<std::uintptr_t*>(stack + bytes) - 1;  // above it 16-byte aligned, as before a call
  top[0] = reinterpret_cast<std::uintptr_t>(&leankv_simt_start);
  std::uintptr_t* saved = top - 6;  // r15 r14 r13 r12 rbx rbp
  saved[0] = saved[1] = saved[2] = saved[5] = 0;
  saved[3] = reinterpret_cast<std::uintptr_t>(argument);
  saved[4] = reinterpret_cast<std::uintptr_t>(entry);
  return saved;
}

void switch_stack(void** from, void* to) { leankv_simt_switch(from, to); }

}  // namespace leankv::simt
