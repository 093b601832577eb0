#include "server/http/wire.h"

#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>
#include <ostream>

namespace leankv {
namespace {

// RFC 9110, section 5.6.7; not by strftime, whose names follow the locale.
std::string http_date() {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm t{};
  gmtime_r(&now, &t);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %d %02d:%02d:%02d GMT", kDays[t.tm_wday], t.tm_mday, kMonths[t.tm_mon],
                t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  return text;
}

}  // namespace

std::string response_head(const HttpResponse& response, BodyKind kind, bool keep_alive) {
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(unsigned(response.status)));
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason) +
                     "\r\nServer: leankv\r\nDate: " + http_date() + "\r\n";
  if (!response.content_type.empty()) head += "Content-Type: " + response.content_type + "\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  if (kind == BodyKind::kSized && response.status != 204) {
    head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  // An event stream is worth nothing to a cache, or held back by a proxy.
  if (kind != BodyKind::kSized) head += "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
  if (kind == BodyKind::kChunked) head += "Transfer-Encoding: chunked\r\n";
  return head + (keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
}

std::string chunk(std::string_view piece) {
  char size[16];
  const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
  std::string framed(size, end);
  framed.append("\r\n").append(piece).append("\r\n");
  return framed;
}

}  // namespace leankv
