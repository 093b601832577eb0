#include "app/download/transfer_error.h"

namespace leankv {
namespace {

// "https://host:port"
std::string host_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  return scheme == url.npos ? url : url.substr(0, url.find('/', scheme + 3));
}

// The hub answers 401 for what is not there, too, when it does not know who asks.
std::string refusal(const Download& file, int status) {
  if (status == 401 && file.token.empty()) {
    return "is private, gated or not there (HTTP 401); a token of somebody who may read it goes into HF_TOKEN or "
           "--hf-token";
  }
  if (status == 401) return "the token is not accepted (HTTP 401); HF_TOKEN or --hf-token need one that may read it";
  if (status == 403) {
    return "may not be read " + std::string(file.token.empty() ? "without a token" : "with this token") +
           " (HTTP 403); accept its terms on its page, and give a token in HF_TOKEN or --hf-token";
  }
  if (status == 404) return "is not there (HTTP 404): " + file.url;
  if (status == 429) return "the server asks to come later (HTTP 429): " + file.url;
  return "the server answers HTTP " + std::to_string(status) + ": " + file.url;
}

}  // namespace

bool worth_repeating(const TransferResult& result) {
  if (result.end == TransferEnd::kComplete) {
    const int status = result.head.status;
    if (status == 416) return true;  // a part that is longer than the file: asked for from its beginning next
    return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
  }
  return result.end == TransferEnd::kBroken;
}

Error transfer_error(const Download& file, const TransferResult& result) {
  std::string message = file.what + ": ";
  switch (result.end) {
    case TransferEnd::kComplete:
      message += refusal(file, result.head.status);
      break;
    case TransferEnd::kUnreachable:
      message += host_of(file.url) + " cannot be reached (" + result.problem +
                 "), and the cache has no whole file of it; check the network, or give a file that is here with -m";
      break;
    case TransferEnd::kStopped:
      message += "interrupted; what has come is kept, run the same again to go on";
      break;
    case TransferEnd::kBroken:
      message +=
          host_of(file.url) + " broke off (" + result.problem + "); what has come is kept, run the same again to go on";
      break;
    case TransferEnd::kFailed:
      message += file.url + " cannot be fetched: " + result.problem;
      break;
  }
  return Error(ErrorKind::kBadFile, message);
}

}  // namespace leankv
