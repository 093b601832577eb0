// What each endpoint does.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "engine/service.h"
#include "server/http/router.h"
#include "server/metrics.h"
#include "server/openai/served_model.h"

namespace leankv {

// What handlers work on; outlives the connections.
struct HandlerContext {
  Metrics& metrics;
  Service* service = nullptr;                      // before the first request
  std::atomic<const ServedModel*> model{nullptr};  // once it can be served
  std::function<int()> connections = {};
  std::string slot_save_path = {};  // the folder of saved slots; empty: none are saved
};

std::vector<Route> api_routes(HandlerContext& context);

}  // namespace leankv
