// What `leankv bench serve` is asked to send, and to whom.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace leankv {

// When requests are sent: as soon as one of `clients` is free, or at `rate` per second whatever the server does.
struct Arrivals {
  int clients = 1;
  double rate = 0;  // 0: by clients
};

struct LoadOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string model = "default";  // what requests call it
  std::string api_key;
  Arrivals arrivals;
  int requests = 32;
  int prompt_tokens = 0, output_tokens = 0;  // 0: as long as in ShareGPT
  std::vector<std::string> texts;            // paths of what prompts are cut from; empty: the built-in one
  uint64_t seed = 1;
  std::string kv;     // a preset or JSON
  std::string extra;  // JSON, more fields of each request
  bool chat = false;
  int timeout_s = 600;  // of a request
  std::string json;     // path
};

}  // namespace leankv
