// What `leankv serve` is asked for beside the engine's options.
#pragma once

#include <string>
#include <vector>

#include "engine/scheduler.h"
#include "server/http/options.h"

namespace leankv {

inline constexpr int kDefaultSequences = 32;

struct ServeOptions {
  HttpOptions http;
  int sequences = kDefaultSequences;
  int chunk = kServingChunk;
  bool cache_prompt = true;  // caches of ended answers are kept for requests that go on with them
  std::string slot_save_path;
  int max_waiting = SchedulerOptions().max_waiting;
  int shutdown_seconds = 30;
  std::string alias;                       // empty: the file's name
  std::vector<std::string> api_key_files;  // one key per line
};

}  // namespace leankv
