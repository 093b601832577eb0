#include "server/openai/request_error.h"

namespace leankv {

RequestError too_long(std::size_t prompt_tokens, int context) {
  RequestError error(400, "the request exceeds the available context size: its prompt has " +
                              std::to_string(prompt_tokens) + " tokens, the context holds " + std::to_string(context) +
                              " with the answer; shorten it or raise --ctx-size");
  error.type = "exceed_context_size_error";
  error.more = ",\"n_prompt_tokens\":" + std::to_string(prompt_tokens) + ",\"n_ctx\":" + std::to_string(context);
  return error;
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnsupported:
      return 501;
    case ErrorKind::kBadFile:
      return 500;
    case ErrorKind::kBadOption:
    case ErrorKind::kBadRequest:
    case ErrorKind::kDoesNotFit:
      return 400;
  }
  LEANKV_CHECK(false);
}

HttpResponse response_of(const std::exception& error) {
  if (const auto* e = dynamic_cast<const RequestError*>(&error)) return e->response();
  if (const auto* e = dynamic_cast<const Error*>(&error)) return error_response(status_of(e->kind()), e->what());
  return error_response(500, error.what());
}

}  // namespace leankv
