#include "app/download/transfer_head.h"

#include <charconv>

#include "app/download/hub_listing.h"
#include "base/letter_case.h"
#include "base/trimmed.h"

namespace leankv {
namespace {

// -1 where it is none.
int64_t whole_number(std::string_view text) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : -1;
}

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) text = text.substr(1, text.size() - 2);
  return std::string(text);
}

}  // namespace

void HeadReader::line(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with("HTTP/")) return status_line(text);
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return;
  const std::string name = lower(std::string(text.substr(0, colon)));
  const std::string_view value = trimmed(text.substr(colon + 1));
  if (name == "content-length" && head_.status == 200) head_.total_bytes = whole_number(value);
  if (name == "content-range") content_range(value);
  if (name == "etag" && value.starts_with('"')) head_.etag = value;
  if (name == "x-linked-etag" && is_sha256(unquoted(value))) head_.linked_etag = unquoted(value);
}

// Another answer begins; only what a redirect said of the file stays.
void HeadReader::status_line(std::string_view text) {
  TransferHead next;
  next.linked_etag = head_.linked_etag;
  const std::size_t space = text.find(' ');
  if (space != text.npos) next.status = int(whole_number(text.substr(space + 1, 3)));
  head_ = next;
}

// "bytes 100-199/200", of a 416 "bytes */200" (RFC 9110, 14.4). The length of the part is not that of the file.
void HeadReader::content_range(std::string_view value) {
  const std::size_t slash = value.find('/');
  if (!value.starts_with("bytes ") || slash == value.npos) return;
  const std::string_view range = value.substr(6, slash - 6);
  head_.from = whole_number(range.substr(0, range.find('-')));
  head_.total_bytes = whole_number(value.substr(slash + 1));
}

}  // namespace leankv
