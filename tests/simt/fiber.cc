#include "simt/fiber.h"

#include <sys/mman.h>

#include <new>

#include "simt/sanitizers.h"
#include "simt/switch_stack.h"

namespace leankv::simt {

Fiber::Fiber() {
  void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  stack_ = static_cast<std::byte*>(memory);
  sanitizer_fiber_ = create_context();
}

Fiber::~Fiber() {
  if (sanitizer_fiber_ != nullptr) destroy_context(sanitizer_fiber_);
  munmap(stack_, kStackBytes);
}

void Fiber::start(void (*body)(void*), void* argument) {
  body_ = body, argument_ = argument;
  allow(stack_, kStackBytes);  // what an abandoned body left forbidden
  inside_ = new_stack(
      stack_, kStackBytes, [](void* fiber) { enter(static_cast<Fiber*>(fiber)); }, this);
  finished_ = false;
}

void Fiber::resume() {
  void* fake_stack = nullptr;
  sanitizer_caller_ = current_context();
  start_switch(&fake_stack, stack_, kStackBytes);
  switch_context(sanitizer_fiber_);
  switch_stack(&outside_, inside_);
  finish_switch(fake_stack, nullptr, nullptr);
}

void Fiber::leave() {
  void* fake_stack = nullptr;
  start_switch(finished_ ? nullptr : &fake_stack, caller_stack_, caller_stack_bytes_);
  switch_context(sanitizer_caller_);
  switch_stack(&inside_, outside_);
  finish_switch(fake_stack, &caller_stack_, &caller_stack_bytes_);
}

void Fiber::enter(Fiber* fiber) {
  finish_switch(nullptr, &fiber->caller_stack_, &fiber->caller_stack_bytes_);
  fiber->run();
}

void Fiber::run() {
  body_(argument_);
  finished_ = true;
  leave();
}

std::unique_ptr<Fiber> FiberPool::take() {
  if (free_.empty()) return std::make_unique<Fiber>();
  std::unique_ptr<Fiber> fiber = std::move(free_.back());
  free_.pop_back();
  return fiber;
}

FiberPool& FiberPool::of_this_thread() {
  thread_local FiberPool pool;
  return pool;
}

}  // namespace leankv::simt
