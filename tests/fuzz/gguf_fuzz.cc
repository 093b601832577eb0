// Any bytes either open as a GGUF file, and then all of it can be read, or throw leankv::Error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "loader/read_everything.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  try {
    leankv::test::read_everything(std::as_bytes(std::span(data, size)));
  } catch (const leankv::Error&) {
    return 0;  // refused, as it should be
  }
  return 0;
}
