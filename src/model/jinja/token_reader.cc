#include "model/jinja/token_reader.h"

#include "base/error.h"

namespace leankv::jinja {

NestingGuard::NestingGuard(int& nesting, int line) : nesting_(nesting) {
  if (nesting_ >= kMaxNesting) fail_nesting(line);
  ++nesting_;
}

void fail_nesting(int line) {
  throw Error(ErrorKind::kUnsupported, "chat template, line " + std::to_string(line) + ": nested deeper than " +
                                           std::to_string(kMaxNesting) + " (the limit)");
}

void fail_unknown(int line, std::string_view what, std::string_view name, std::string_view known) {
  throw Error(ErrorKind::kUnsupported, "chat template, line " + std::to_string(line) + ": the " + std::string(what) +
                                           " \"" + std::string(name) +
                                           "\" is not supported; these are: " + std::string(known));
}

}  // namespace leankv::jinja
