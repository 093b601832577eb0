// The server: a model behind HTTP.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "engine/service.h"
#include "server/http/options.h"
#include "server/openai/served_model.h"

namespace leankv {

struct ModelServerOptions {
  HttpOptions http;
  EngineOptions engine;
  SchedulerOptions scheduling;
  std::string slot_save_path;  // the folder that slots are saved to; empty: none are
  ServedModelOptions model;    // without the template, which is found when the model has been loaded
  std::function<std::string(const Engine& engine)> template_source;  // throws Error where there is none to be used
};

// Owns the service, the routes and the sockets. Listens from the start: while the model loads, requests get 503.
class ModelServer {
 public:
  explicit ModelServer(ModelServerOptions options);
  ~ModelServer();

  std::string address() const;
  // Waits until requests are served. Throws what is wrong with the model. should_stop ends the wait: false is returned.
  bool wait_until_ready(const std::function<bool()>& should_stop);
  const Service& service() const;

  // Accepts nothing new; what runs may finish until `limit`, then it is cancelled. Returns when all is closed; once.
  void stop(std::chrono::milliseconds limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace leankv
