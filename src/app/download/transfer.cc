#include "app/download/transfer.h"

#include <curl/curl.h>

#include <exception>
#include <memory>
#include <new>
#include <utility>

#include "app/download/transfer_head.h"
#include "base/error.h"

namespace leankv {
namespace {

constexpr long kMostRedirects = 8;  // the hub needs one or two

// What libcurl's callbacks, which may not throw, work on.
struct Run {
  const TransferSink& sink;
  HeadReader reader{};
  bool begun = false;
  std::exception_ptr thrown{};

  // False where `work` throws, which ends the transfer.
  bool guarded(const auto& work) {
    try {
      work();
      return true;
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  }

  void begin() {
    if (std::exchange(begun, true)) return;
    sink.begin(reader.head());
  }
};

std::size_t on_header(char* text, std::size_t, std::size_t size, void* run) {
  Run& r = *static_cast<Run*>(run);
  return r.guarded([&] { r.reader.line({text, size}); }) ? size : 0;
}

std::size_t on_bytes(char* text, std::size_t, std::size_t size, void* run) {
  Run& r = *static_cast<Run*>(run);
  return r.guarded([&] { r.begin(), r.sink.bytes({text, size}); }) ? size : 0;
}

int on_progress(void* run, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Run*>(run)->sink.should_stop() ? 1 : 0;
}

TransferEnd end_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return TransferEnd::kComplete;
    case CURLE_ABORTED_BY_CALLBACK:
      return TransferEnd::kStopped;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return TransferEnd::kBroken;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return TransferEnd::kUnreachable;
    default:
      return TransferEnd::kFailed;
  }
}

struct FreeEasy {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

Easy new_easy() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  Easy curl(ready == CURLE_OK ? curl_easy_init() : nullptr);
  if (curl == nullptr) throw Error(ErrorKind::kUnsupported, "libcurl does not start");
  return curl;
}

void add(HeaderList& list, const std::string& header) {
  curl_slist* longer = curl_slist_append(list.get(), header.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

// libcurl keeps an Authorization header of ours from other hosts and ports than the first, as long as
// CURLOPT_UNRESTRICTED_AUTH is not set.
HeaderList headers_of(const TransferRequest& request) {
  HeaderList list;
  if (!request.token.empty()) add(list, "Authorization: Bearer " + request.token);
  if (request.from > 0) add(list, "Range: bytes=" + std::to_string(request.from) + "-");
  if (request.from > 0) add(list, "If-Range: " + request.if_range);
  add(list, "Accept: */*");
  return list;
}

void set_target(CURL* curl, const TransferRequest& request, const TransferLimits& limits) {
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMostRedirects);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "leankv");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, long(limits.connect.count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes/s
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, long(limits.stall.count()));
}

void set_callbacks(CURL* curl, Run& run) {
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &run);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &run);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &run);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

}  // namespace

TransferResult transfer(const TransferRequest& request, const TransferSink& sink, const TransferLimits& limits) {
  const HeaderList headers = headers_of(request);
  const Easy curl = new_easy();
  char words[CURL_ERROR_SIZE] = "";
  Run run{sink};
  set_target(curl.get(), request, limits);
  set_callbacks(curl.get(), run);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, words);
  const CURLcode code = curl_easy_perform(curl.get());
  if (run.thrown) std::rethrow_exception(run.thrown);
  TransferResult result{end_of(code), run.reader.head(), *words != '\0' ? words : curl_easy_strerror(code)};
  if (result.end == TransferEnd::kComplete) run.begin();  // of an empty body
  return result;
}

}  // namespace leankv
