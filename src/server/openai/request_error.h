// What is wrong with a request, as its client is told.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "server/http/message.h"

namespace leankv {

struct RequestError : Error {
  RequestError(int http_status, const std::string& message, std::string field = "")
      : Error(ErrorKind::kBadRequest, message), status(http_status), param(std::move(field)) {}

  HttpResponse response() const { return error_response(status, what(), type, param, more); }

  int status;
  std::string param;  // the field, "tools[0].function.name"
  std::string type;   // of the error; empty: what the status stands for
  std::string more;   // further members of the body, as error_response takes them
};

// llama-server's error that clients parse to shorten their history.
RequestError too_long(std::size_t prompt_tokens, int context);
// Of an error from anywhere: 500 for what is none of ours.
HttpResponse response_of(const std::exception& error);
int status_of(ErrorKind kind);

}  // namespace leankv
