// GET /v1/kv: the cache as a client may look at it, from all that runs down to one head's tokens.
#pragma once

#include <optional>

#include "engine/scheduler.h"
#include "server/http/message.h"
#include "server/openai/fields.h"

namespace leankv {

// ?request=ID&choice=I&layer=L&head=H
struct KvQuery {
  std::string request;  // its id; empty: everything that runs
  int choice = 0;
  std::optional<int> layer, head;  // both or neither
};

// Throws RequestError.
KvQuery read_kv_query(const HttpRequest& request, const CacheShape& shape);

// On the engine's thread. None where the request neither runs nor is remembered (FinishedCache).
std::optional<Json> kv_json(const Engine& engine, const Scheduler& scheduler, const KvQuery& query);

// Of one sequence that runs, without its heads.
Json sequence_json(const Scheduler::Running& running, const Engine& engine, const CacheUsage& usage);

}  // namespace leankv
