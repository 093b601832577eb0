// What an answer looks like on the wire.
#pragma once

#include <string>

#include "server/http/message.h"

namespace leankv {

enum class BodyKind {
  kSized,      // all of it follows
  kChunked,    // pieces follow, framed by chunk()
  kUntilClose  // pieces follow as they are: for HTTP/1.0
};

// Status line and header fields up to the empty line. The body is not part of it.
std::string response_head(const HttpResponse& response, BodyKind kind, bool keep_alive);
std::string chunk(std::string_view piece);  // REQUIRES not empty: an empty chunk ends the body

inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
inline constexpr std::string_view kPing = ": ping\n\n";  // a comment of an event stream

}  // namespace leankv
