#include "server/handlers.h"

#include "server/introspection.h"
#include "server/kv_view.h"
#include "server/openai/fields.h"
#include "server/openai/generation_request.h"
#include "server/page/page.h"
#include "server/reply.h"
#include "server/slot_action.h"

namespace leankv {
namespace {

using ReadRequest = GenerationRequest (*)(const Json& body, const ServedModel& model);
using Answer = Json (*)(const Json& body, const ServedModel& model);

HttpResponse json_response(const Json& json) { return {200, to_text(json)}; }

// What keeps the server from answering now; none: it can.
std::optional<HttpResponse> unavailable(const HandlerContext& c) {
  switch (c.service->state()) {
    case ServiceState::kReady:
      if (c.model.load() != nullptr) return std::nullopt;
      [[fallthrough]];
    case ServiceState::kLoading:
      return error_response(503, "Loading model");
    case ServiceState::kFailed:
      return error_response(500, c.service->failure().what());
    case ServiceState::kDraining:
    case ServiceState::kStopped:
      return error_response(503, "The server is shutting down");
  }
  LEANKV_CHECK(false);
}

// Runs `body` when the model can be served, and turns what it throws into the error that the client sees.
template <class Body>
void guarded(const HandlerContext& c, const Responder& responder, Body&& body) {
  if (auto refusal = unavailable(c)) return responder.send(std::move(*refusal));
  try {
    body(*c.model.load());
  } catch (const std::exception& error) {
    responder.send(response_of(error));
  }
}

Handler generating(HandlerContext& c, ReadRequest read) {
  return [&c, read](const HttpRequest& request, const Responder& responder) {
    guarded(c, responder, [&](const ServedModel& model) {
      Reply::begin(*c.service, model, c.metrics, read(parse_object(request.body), model), responder);
    });
  };
}

Handler answering(HandlerContext& c, Answer answer) {
  return [&c, answer](const HttpRequest& request, const Responder& responder) {
    guarded(c, responder, [&](const ServedModel& model) {
      const Json body = request.method == "GET" ? Json::object() : parse_object(request.body);
      responder.send(json_response(answer(body, model)));
    });
  };
}

// Asks the engine between two steps.
Handler inspecting(HandlerContext& c,
                   Json (*look)(const Engine& engine, const Scheduler& scheduler, const ServedModel&)) {
  return [&c, look](const HttpRequest&, const Responder& responder) {
    guarded(c, responder, [&](const ServedModel& model) {
      c.service->inspect([look, responder, &model](const Engine& engine, const Scheduler& scheduler) {
        auto json = std::make_shared<Json>(look(engine, scheduler, model));
        responder.post([json, responder] { responder.send(json_response(*json)); });
      });
    });
  };
}

Handler cache_view(HandlerContext& c) {
  return [&c](const HttpRequest& request, const Responder& responder) {
    guarded(c, responder, [&](const ServedModel& model) {
      const KvQuery query = read_kv_query(request, model.engine().cache().shape());
      c.service->inspect([query, responder](const Engine& engine, const Scheduler& scheduler) {
        auto json = std::make_shared<std::optional<Json>>(kv_json(engine, scheduler, query));
        responder.post([json, query, responder] {
          responder.send(*json ? json_response(**json)
                               : error_response(404, "no such request runs or is remembered: " + query.request));
        });
      });
    });
  };
}

Handler health(const HandlerContext& c) {
  return [&c](const HttpRequest&, const Responder& responder) {
    if (auto refusal = unavailable(c)) return responder.send(std::move(*refusal));
    responder.send({200, R"({"status":"ok"})"});
  };
}

Handler metrics_text(HandlerContext& c) {
  return [&c](const HttpRequest&, const Responder& responder) {
    const auto send = [&c, responder](const CacheSnapshot& now) {
      responder.send({200, c.metrics.text(c.service->statistics(), now, c.connections()),
                      "text/plain; version=0.0.4; charset=utf-8"});
    };
    if (c.service->state() != ServiceState::kReady) return send({});
    c.service->inspect([send, responder](const Engine& engine, const Scheduler& scheduler) {
      responder.post([send, now = snapshot_of(engine, scheduler)] { send(now); });
    });
  };
}

Handler slot_action(HandlerContext& c) {
  return [&c](const HttpRequest& request, const Responder& responder) {
    guarded(c, responder, [&](const ServedModel& model) {
      const SlotAction action = read_slot_action(request, model.engine().options().sequences, c.slot_save_path);
      run_slot_action(action, *c.service, responder);
    });
  };
}

}  // namespace

std::vector<Route> api_routes(HandlerContext& c) {
  std::vector<Route> routes;
  const auto get = [&](const char* path, Handler h, Access access = Access::kWithKey) {
    routes.push_back({"GET", path, std::move(h), access});
  };
  const auto post = [&](const char* path, Handler h) { routes.push_back({"POST", path, std::move(h)}); };
  for (const char* path : {"/v1/chat/completions", "/chat/completions"}) post(path, generating(c, read_chat_request));
  post("/v1/completions", generating(c, read_text_request));
  for (const char* path : {"/completion", "/completions"}) post(path, generating(c, read_native_request));
  for (const char* path : {"/v1/models", "/models"}) get(path, answering(c, models_json));
  get("/v1/models/*", answering(c, model_json));
  for (const char* path : {"/tokenize", "/v1/tokenize"}) post(path, answering(c, tokenize));
  for (const char* path : {"/detokenize", "/v1/detokenize"}) post(path, answering(c, detokenize));
  post("/apply-template", answering(c, apply_template));
  get("/props", answering(c, props));
  get("/slots", inspecting(c, slots));
  post("/slots/*", slot_action(c));
  get("/v1/kv", cache_view(c));
  for (const char* path : {"/health", "/v1/health"}) get(path, health(c), Access::kPublic);
  get("/metrics", metrics_text(c));
  for (Route& route : page_routes()) routes.push_back(std::move(route));
  return routes;
}

}  // namespace leankv
