#include "engine/outcome.h"

#include "base/error.h"

namespace leankv {

std::string_view finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kMemory:
      return "memory";
  }
  LEANKV_CHECK(false);
}

}  // namespace leankv
