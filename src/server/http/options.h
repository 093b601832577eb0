// What the HTTP server is started with, and the limits that keep one client from harming the others.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace leankv {

struct HttpLimits {
  std::size_t header_bytes = std::size_t(32) << 10;
  std::size_t body_bytes = std::size_t(32) << 20;   // 8M tokens of prompt
  std::size_t queued_bytes = std::size_t(1) << 20;  // that a client has not taken yet; a slower one is dropped
  int connections = 16384;
  std::chrono::milliseconds idle{75'000};    // between the requests of a connection
  std::chrono::milliseconds header{15'000};  // from a request's first byte to its header's end
  std::chrono::milliseconds body{30'000};    // between two pieces of a body
  std::chrono::milliseconds write{30'000};   // between two pieces that a client takes
  std::chrono::milliseconds linger{2'000};   // for a client that is still sending to read why it was refused
  std::chrono::milliseconds ping{15'000};    // a stream that is silent for so long gets a comment; proxies stop at 60 s
};

struct HttpOptions {
  std::string host = "127.0.0.1";
  int port = 8080;  // 0: any that is free
  int threads = 2;
  std::vector<std::string> api_keys;               // empty: everybody
  std::string cors_origin;                         // of Access-Control-Allow-Origin; empty: no such header
  std::string tls_key_file, tls_certificate_file;  // PEM; both or neither
  HttpLimits limits;
};

}  // namespace leankv
