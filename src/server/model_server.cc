#include "server/model_server.h"

#include <optional>
#include <thread>

#include "server/handlers.h"
#include "server/http/server.h"

namespace leankv {
namespace {

constexpr auto kReadyCheck = std::chrono::milliseconds(20);

}  // namespace

// In the order in which they are made. What the engine still has to say when the service ends goes to sockets that are
// closed, but there.
struct ModelServer::State {
  explicit State(ModelServerOptions o)
      : options(std::move(o)),
        metrics(options.model.name),
        handlers{metrics},
        http(options.http, api_routes(handlers)) {
    handlers.connections = [this] { return http.connections(); };
    service.emplace(options.engine, options.scheduling);
    handlers.service = &*service;
    handlers.slot_save_path = options.slot_save_path;
    http.start();
  }

  ModelServerOptions options;
  Metrics metrics;
  HandlerContext handlers;
  HttpServer http;
  std::unique_ptr<ServedModel> model;
  std::optional<Service> service;
};

ModelServer::ModelServer(ModelServerOptions options) : state_(std::make_unique<State>(std::move(options))) {}

ModelServer::~ModelServer() { stop(std::chrono::milliseconds(0)); }

std::string ModelServer::address() const { return state_->http.address(); }
const Service& ModelServer::service() const { return *state_->service; }

bool ModelServer::wait_until_ready(const std::function<bool()>& should_stop) {
  while (state_->service->state() == ServiceState::kLoading) {
    if (should_stop()) return false;
    std::this_thread::sleep_for(kReadyCheck);
  }
  if (state_->service->state() == ServiceState::kFailed) throw state_->service->failure();
  ServedModelOptions model = state_->options.model;
  model.template_source = state_->options.template_source(state_->service->engine());
  state_->model = std::make_unique<ServedModel>(state_->service->engine(), std::move(model));
  state_->handlers.model = state_->model.get();
  return true;
}

void ModelServer::stop(std::chrono::milliseconds limit) {
  state_->http.stop(limit);
  state_->service->drain(std::chrono::milliseconds(0));
}

}  // namespace leankv
