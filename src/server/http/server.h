// The HTTP server: sockets and threads. It knows no models; what it serves are functions.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "server/http/options.h"
#include "server/http/router.h"

namespace leankv {

class HttpServer {
 public:
  // Listens; nobody is served before start(). Throws kBadOption for an address or TLS files that cannot be used.
  HttpServer(const HttpOptions& options, std::vector<Route> routes);
  // Responders that are still held, by another thread too, must not be used from here on.
  ~HttpServer();

  void start();
  std::string address() const;  // "http://127.0.0.1:8080"
  int port() const;
  int connections() const;

  // Accepts nobody any more, lets requests that are being served finish, and after `limit` drops those that have not.
  // Returns when every connection is closed and every thread has ended; once.
  void stop(std::chrono::milliseconds limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace leankv
