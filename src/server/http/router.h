// Which handler answers a request, and who may ask.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.h"
#include "server/http/responder.h"

namespace leankv {

// Must not block: it answers at once or keeps the responder until somebody else does. A leankv::Error that it throws
// becomes a 400, any other exception a 500.
using Handler = std::function<void(const HttpRequest&, const Responder&)>;

enum class Access { kWithKey, kPublic };

struct Route {
  std::string method;  // "GET", "POST"
  std::string path;    // "/slots/*": one segment is free
  Handler handler;
  Access access = Access::kWithKey;
};

// Keys are compared in a time that does not depend on where they differ.
class KeyRing {
 public:
  explicit KeyRing(const std::vector<std::string>& keys);
  bool empty() const { return digests_.empty(); }
  bool admits(const HttpRequest& request) const;  // by "Authorization: Bearer KEY" or "x-api-key: KEY"

 private:
  std::vector<std::string> digests_;  // SHA-256
};

// Immutable once the server runs, so usable from several threads.
class Router {
 public:
  Router(std::vector<Route> routes, const std::vector<std::string>& api_keys)
      : routes_(std::move(routes)), keys_(api_keys) {}

  // What can be said from the header alone: 401, 404, 405, 415; none: the body is worth reading.
  std::optional<HttpResponse> refusal(const HttpRequest& request) const;
  // REQUIRES no refusal.
  const Handler& find(const HttpRequest& request) const;

 private:
  const Route* match(const HttpRequest& request) const;
  std::string methods_of(std::string_view path) const;  // "GET, POST"; empty where nobody knows the path

  std::vector<Route> routes_;
  KeyRing keys_;
};

}  // namespace leankv
