// One HTTP GET, through libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace leankv {

struct TransferLimits {
  std::chrono::seconds connect{15};
  std::chrono::seconds stall{30};         // nothing comes for so long: given up
  int attempts = 5;                       // in a row that bring nothing
  std::chrono::milliseconds pause{1000};  // between them
};

struct TransferRequest {
  std::string url;       // http or https; redirects are followed, from https to https only
  std::string token;     // "Authorization: Bearer", for this URL's host alone: never for where it redirects to
  int64_t from = 0;      // the first byte that is wanted
  std::string if_range;  // ETag of what is at hand of it; another file is sent whole
};

// The header of the last answer, after redirects.
struct TransferHead {
  int status = 0;
  int64_t from = 0;          // of a 206: where its bytes begin
  int64_t total_bytes = -1;  // of the whole file; -1: not said
  std::string etag;          // strong ones only: weak ones do not promise equal bytes
  std::string linked_etag;   // the hub's name of the file on the way to its store: the SHA-256
};

enum class TransferEnd {
  kComplete,     // of any status
  kUnreachable,  // no connection: offline, no such host, TLS
  kBroken,       // dropped or silent on the way: asking for the rest may help
  kFailed,       // neither will help
  kStopped,      // should_stop
};

struct TransferResult {
  TransferEnd end = TransferEnd::kFailed;
  TransferHead head;
  std::string problem;  // libcurl's words
};

struct TransferSink {
  std::function<void(const TransferHead&)> begin;  // once, before the first bytes
  std::function<void(std::string_view)> bytes;     // of the body, as they come
  std::function<bool()> should_stop;               // asked about once a second at least
};

// What the sink throws comes through. Progress is whatever the sink sees.
TransferResult transfer(const TransferRequest& request, const TransferSink& sink, const TransferLimits& limits);

}  // namespace leankv
