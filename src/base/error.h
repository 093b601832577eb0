// The two forms of failure that are not ordinary return values (STYLE.md, rule 14).
#pragma once

#include <stdexcept>
#include <string>

namespace leankv {

// What kind of input was bad: chooses the exit code and the HTTP status at the boundary.
enum class ErrorKind {
  kBadFile,      // a file that is missing, truncated, lying or of an unknown kind
  kBadOption,    // a command line flag or configuration value
  kBadRequest,   // a prompt or a request field
  kUnsupported,  // understood, but not something this program does; the message lists what works
  kDoesNotFit,   // can never fit the memory it was given; the message holds both numbers
};

// Bad input: one line that says what, where and what to do. Thrown at the boundary, translated once by the caller.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// A broken invariant of the program itself: reports the place and stops the process.
[[noreturn]] void check_failed(const char* condition, const char* file, int line, const char* function);

}  // namespace leankv

#define LEANKV_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::leankv::check_failed(#condition, __FILE__, __LINE__, __func__))
