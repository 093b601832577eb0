// Answers about the model and the cache: no text is generated for them.
#pragma once

#include "engine/scheduler.h"
#include "server/openai/answer_format.h"

namespace leankv {

Json models_json(const Json& body, const ServedModel& model);  // /v1/models
Json model_json(const Json& body, const ServedModel& model);   // /v1/models/NAME
Json tokenize(const Json& body, const ServedModel& model);     // llama-server's fields, and vLLM's
Json detokenize(const Json& body, const ServedModel& model);
Json apply_template(const Json& body, const ServedModel& model);
Json props(const Json& body, const ServedModel& model);

// On the engine's thread.
Json slots(const Engine& engine, const Scheduler& scheduler, const ServedModel& model);

}  // namespace leankv
