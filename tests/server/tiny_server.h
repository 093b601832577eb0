// A whole server over a tiny model with random weights.
#pragma once

#include "server/model_server.h"

namespace leankv::test {

inline ModelServerOptions tiny_server(std::string chat_template) {
  ModelServerOptions o;
  o.http.port = 0;
  o.engine.model_path = LEANKV_GOLDEN_DIR "/llama/tiny.gguf";
  o.engine.threads = 1;
  o.engine.context = 1024;
  o.engine.sequences = 4;
  o.engine.chunk = 128;
  o.engine.policy = forecast_policy(3.3);
  o.model.name = "tiny";
  o.template_source = [chat_template = std::move(chat_template)](const Engine&) { return chat_template; };
  return o;
}

}  // namespace leankv::test
