#include "server/kv_view.h"

#include <algorithm>
#include <charconv>

#include "server/openai/request_error.h"

namespace leankv {
namespace {

// One answer's cache, whether it runs or is remembered.
struct Look {
  std::string_view request;
  int choice;
  bool running;
  int prompt_tokens;
  const CacheUsage& usage;
  const SequenceState& state;
};

std::optional<int> read_number(const HttpRequest& request, const char* name, int end) {
  const std::string text = request.query_value(name);
  if (text.empty()) return std::nullopt;
  int value = -1;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || value < 0 || value >= end) {
    throw RequestError(400, std::string("'") + name + "' must be a number from 0 to " + std::to_string(end - 1), name);
  }
  return value;
}

// Tokens of one head by tier's name, in the order of its policy's tiers, fresh ones first.
void add_head(const SequenceState& state, const HeadTable& head, Json& by_tier) {
  for (int list = 0; list < state.lists(); ++list) {
    if (head.tokens[list] == 0) continue;
    Json& sum = by_tier[std::string(tier(state.list_tier[list]).name)];
    sum = (sum.is_null() ? 0 : sum.get<int64_t>()) + head.tokens[list];
  }
}

Json shape_json(const CacheShape& shape) {
  return {
      {"layers", shape.layers}, {"kv_heads", shape.kv_heads}, {"bytes_per_token_and_head_16bit", 4 * shape.head_dim}};
}

Json summary_json(const Look& look) {
  return {{"request", look.request},
          {"choice", look.choice},
          {"running", look.running},
          {"policy", describe(look.state.policy)},
          {"judged", !look.state.policy.judges() || look.state.judgements > 0},
          {"tokens", look.usage.tokens},
          {"prompt_tokens", look.prompt_tokens}};
}

Json whole_json(const Look& look, const CacheShape& shape) {
  Json json = shape_json(shape);
  json.update(summary_json(look));
  Json by_tier = Json::object();
  for (const HeadTable& head : look.state.heads) add_head(look.state, head, by_tier);
  json["bytes"] = look.usage.bytes();
  json["bytes_16bit"] = look.usage.bytes_16bit;
  json["ratio"] = look.usage.ratio();
  json["head_bytes"] = look.usage.head_bytes;
  json["tokens_by_tier"] = std::move(by_tier);
  json["pruned"] = look.usage.pruned;
  return json;
}

Json head_json(const Look& look, const CacheShape& shape, int layer, int head) {
  const std::size_t index = std::size_t(layer * shape.kv_heads + head);
  const HeadTable& table = look.state.heads[index];
  Json lists = Json::array();
  for (int list = 0; list < look.state.lists(); ++list) {
    if (table.tokens[list] == 0) continue;
    const Tier& t = tier(look.state.list_tier[list]);
    Json json = {{"tier", t.name},
                 {"key_bits", codec(t.key).bits},
                 {"value_bits", codec(t.value).bits},
                 {"fresh", list == kFreshList},
                 {"tokens", table.tokens[list]}};
    if (!look.state.positions.empty()) json["positions"] = look.state.positions[index][list];
    lists.push_back(std::move(json));
  }
  Json json = summary_json(look);
  json["layer"] = layer;
  json["head"] = head;
  json["bytes"] = look.usage.head_bytes[index];
  json["pruned"] = look.state.tokens - table.total_tokens();
  json["lists"] = std::move(lists);
  return json;
}

Json look_json(const Look& look, const CacheShape& shape, const KvQuery& query) {
  return query.layer ? head_json(look, shape, *query.layer, *query.head) : whole_json(look, shape);
}

Json all_json(const Engine& engine, const Scheduler& scheduler) {
  Json sequences = Json::array();
  for (const auto& running : scheduler.running()) {
    const CacheUsage usage = engine.usage(running.sequence);
    Json json = sequence_json(running, engine, usage);
    json["head_bytes"] = usage.head_bytes;
    json["tokens_by_tier"] = Json::array();
    const SequenceState& state = engine.cache().state(running.sequence.slot());
    for (const HeadTable& head : state.heads) {
      Json by_tier = Json::object();
      add_head(state, head, by_tier);
      json["tokens_by_tier"].push_back(std::move(by_tier));
    }
    sequences.push_back(std::move(json));
  }
  Json json = shape_json(engine.cache().shape());
  json["sequences"] = std::move(sequences);
  return json;
}

}  // namespace

KvQuery read_kv_query(const HttpRequest& request, const CacheShape& shape) {
  KvQuery query{request.query_value("request"), 0, {}, {}};
  query.choice = read_number(request, "choice", kMostChoices).value_or(0);
  query.layer = read_number(request, "layer", shape.layers);
  query.head = read_number(request, "head", shape.kv_heads);
  if (query.layer.has_value() != query.head.has_value()) {
    throw RequestError(400, "'layer' and 'head' belong together: give both or neither", query.layer ? "head" : "layer");
  }
  if (query.layer && query.request.empty()) throw RequestError(400, "'layer' and 'head' need 'request'", "request");
  return query;
}

std::optional<Json> kv_json(const Engine& engine, const Scheduler& scheduler, const KvQuery& query) {
  if (query.request.empty()) return all_json(engine, scheduler);
  const CacheShape& shape = engine.cache().shape();
  for (const auto& running : scheduler.running()) {
    if (running.label != query.request || running.choice != query.choice) continue;
    const CacheUsage usage = engine.usage(running.sequence);
    const SequenceState& state = engine.cache().state(running.sequence.slot());
    return look_json({running.label, running.choice, true, running.prompt_tokens, usage, state}, shape, query);
  }
  for (const FinishedCache& f : scheduler.remembered()) {
    if (f.label != query.request || f.choice != query.choice) continue;
    return look_json({f.label, f.choice, false, f.prompt_tokens, f.usage, f.state}, shape, query);
  }
  return std::nullopt;
}

Json sequence_json(const Scheduler::Running& running, const Engine& engine, const CacheUsage& usage) {
  return {
      {"request", running.label},         {"choice", running.choice},
      {"slot", running.sequence.slot()},  {"policy", describe(engine.cache().state(running.sequence.slot()).policy)},
      {"tokens", usage.tokens},           {"bytes", usage.bytes()},
      {"bytes_16bit", usage.bytes_16bit}, {"ratio", usage.ratio()}};
}

}  // namespace leankv
