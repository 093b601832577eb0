#include "app/interrupt.h"

#include <atomic>
#include <csignal>

namespace leankv {
namespace {

// A signal handler reaches nothing but globals.
std::atomic<bool> g_interrupted{false};
std::atomic<bool> g_editing{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_interrupt(int signal) {
  if (!g_interrupted.exchange(true) || g_editing) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a read of the terminal returns
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return g_interrupted; }
void clear_interrupt() { g_interrupted = false; }
void set_editing(bool editing) { g_editing = editing; }

}  // namespace leankv
