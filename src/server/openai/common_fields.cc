// Fields that all generating endpoints share.
#include <algorithm>
#include <charconv>
#include <random>

#include "server/openai/generation_request.h"

namespace leankv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kStrongestBias = 1e4;  // far beyond any logit
constexpr std::size_t kMostStops = 64;

// Settings of other samplers, with the value that switches them off.
struct Neutral {
  const char* name;
  double value;
};
constexpr Neutral kOtherSamplers[] = {{"typical_p", 1},      {"mirostat", 0},       {"xtc_probability", 0},
                                      {"dry_multiplier", 0}, {"dynatemp_range", 0}, {"top_n_sigma", -1},
                                      {"tfs_z", 1},          {"length_penalty", 1}};
constexpr const char* kNotAvailable[] = {
    "grammar",       "guided_regex",    "guided_choice",  "guided_grammar", "samplers", "logits_processors",
    "bad_words",     "use_beam_search", "lora",           "audio",          "suffix",   "functions",
    "function_call", "min_tokens",      "prompt_logprobs"};

void refuse_unavailable(const Fields& f) {
  for (const Neutral& other : kOtherSamplers) {
    if (f.real(other.name, other.value, -kInfinity, kInfinity) != other.value) {
      f.refuse(
          other.name,
          "is not available; there are temperature, top_k, top_p, min_p and repeat, presence and frequency penalties");
    }
  }
  for (const char* name : kNotAvailable) f.refuse_if_set(name, "is not available");
}

int token_of(const Fields& f, const std::string& text, int vocabulary) {
  int token = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), token);
  if (error != std::errc{} || end != text.data() + text.size() || token < 0 || token >= vocabulary) {
    f.refuse("logit_bias", "names '" + text + "', which is no token of the model");
  }
  return token;
}

float bias_of(const Fields& f, const Json& value) {
  if (value == false) return -std::numeric_limits<float>::infinity();  // llama-server's word for never
  if (!value.is_number() || !(std::abs(value.get<double>()) <= kStrongestBias)) {
    f.refuse("logit_bias", "has a bias that is no number");
  }
  return value.get<float>();
}

// {"15043": 1.5} or [[15043, 1.5]]
std::vector<LogitBias> read_biases(const Fields& f, int vocabulary) {
  std::vector<LogitBias> biases;
  const Json* json = f.find("logit_bias");
  if (json == nullptr) return biases;
  if (json->is_object()) {
    for (const auto& [id, bias] : json->items()) biases.push_back({token_of(f, id, vocabulary), bias_of(f, bias)});
    return biases;
  }
  if (!json->is_array()) f.refuse("logit_bias", "must map tokens to biases");
  for (const Json& pair : *json) {
    if (!pair.is_array() || pair.size() != 2) f.refuse("logit_bias", "must map tokens to biases");
    biases.push_back({token_of(f, pair[0].dump(), vocabulary), bias_of(f, pair[1])});
  }
  return biases;
}

uint64_t read_seed(const Fields& f, const ServedModel& model) {
  const int64_t seed = f.whole("seed", -1, INT64_MIN, INT64_MAX);
  if (seed != -1) return uint64_t(seed);
  if (model.options().seed_given) return model.options().defaults.sampling.seed;
  std::random_device device;
  return uint64_t(device()) << 32 | device();
}

Json schema_of(const Fields& f, const char* name) {
  const Json& schema = *f.find(name);
  if (!schema.is_string()) return schema;  // vLLM takes the schema's text, too
  Json parsed = Json::parse(schema.get<std::string>(), nullptr, false);
  if (parsed.is_discarded()) f.refuse(name, "is no JSON");
  return parsed;
}

std::optional<Json> requested_schema(const Fields& f) {
  if (f.has("json_schema")) return schema_of(f, "json_schema");
  if (f.has("guided_json")) return schema_of(f, "guided_json");
  if (const auto outputs = f.object("structured_outputs")) {
    outputs->refuse_others({"json"});
    return schema_of(*outputs, "json");
  }
  const auto format = f.object("response_format");
  if (!format) return std::nullopt;
  const std::string type = format->text("type");
  if (type == "text") return std::nullopt;
  if (type == "json_object") return format->has("schema") ? schema_of(*format, "schema") : Json{{"type", "object"}};
  if (type != "json_schema") format->refuse("type", "must be text, json_object or json_schema");
  const auto schema = format->object("json_schema");
  if (!schema) format->refuse("json_schema", "is missing");
  if (!schema->has("schema")) schema->refuse("schema", "is missing");
  return schema_of(*schema, "schema");
}

}  // namespace

void read_common(const Fields& f, const ServedModel& model, std::initializer_list<const char*> limits,
                 Request& request) {
  refuse_unavailable(f);
  const GenerationOptions& defaults = model.options().defaults;
  SamplingOptions& s = request.sampling = defaults.sampling;
  s.temperature = f.real("temperature", s.temperature, 0, 1e6);
  s.top_p = f.real("top_p", s.top_p, 0, 1);
  s.top_k = std::max(0, f.count("top_k", s.top_k, -1));  // -1 is vLLM's word for all
  s.min_p = f.real("min_p", s.min_p, 0, 1);
  s.repeat_penalty = f.real("repetition_penalty", f.real("repeat_penalty", s.repeat_penalty, 1e-6, 1e6), 1e-6, 1e6);
  if (f.has("repetition_penalty")) s.repeat_last_n = -1;  // vLLM's word, which looks at everything
  s.repeat_last_n = f.count("repeat_last_n", s.repeat_last_n, -1);
  s.presence_penalty = f.real("presence_penalty", s.presence_penalty, -kStrongestBias, kStrongestBias);
  s.frequency_penalty = f.real("frequency_penalty", s.frequency_penalty, -kStrongestBias, kStrongestBias);
  s.penalise_sampled = true;
  s.seed = read_seed(f, model);
  for (const LogitBias& bias : read_biases(f, model.tokenizer().size())) s.biases.push_back(bias);
  request.stop = defaults.stop;
  for (std::string& stop : f.texts("stop")) request.stop.push_back(std::move(stop));
  if (request.stop.size() > kMostStops) f.refuse("stop", "has more than " + std::to_string(kMostStops) + " texts");
  if (std::ranges::count(request.stop, "") > 0) f.refuse("stop", "has an empty text, which would end every answer");
  request.max_tokens = defaults.max_tokens;
  for (const char* limit : limits) {
    if (!f.has(limit)) continue;
    request.max_tokens = f.count(limit, -1, -1);
    break;
  }
  request.ignore_eos = f.flag("ignore_eos", defaults.ignore_eos);
  request.reuse_cache = f.flag("cache_prompt", true) && !f.has("cache_salt");  // vLLM's: whose cache it may be
  request.n = f.count("n", 1, 1, kMostChoices);
  request.priority = -f.count("priority", 0, -1'000'000, 1'000'000);  // vLLM's lower ones come first
  if (f.count("best_of", request.n, 1) != request.n) f.refuse("best_of", "is not available beyond n");
}

void read_stream(const Fields& f, GenerationRequest& request) {
  request.stream = f.flag("stream", false);
  request.timings_per_token = f.flag("timings_per_token", false);
  const auto options = f.object("stream_options");
  if (options && !request.stream) f.refuse("stream_options", "needs 'stream'");
  if (options) request.include_usage = options->flag("include_usage", false);
}

void read_kv(const Fields& f, const ServedModel& model, int pinned, Request& request) {
  const Engine& engine = model.engine();
  request.policy = engine.options().policy;
  int pin = pinned;
  try {
    if (const Json* kv = f.find("kv"); kv != nullptr && kv->is_string()) {
      request.policy = parse_policy(kv->get<std::string>());
    } else if (const auto o = f.object("kv")) {
      o->refuse_others({"preset", "ratio", "off", "budget", "policy", "pin", "positions"});
      request.keep_positions = o->flag("positions", false);
      const int ways = o->has("preset") + o->has("ratio") + o->flag("off", false) + o->has("budget") + o->has("policy");
      if (ways > 1)
        f.refuse("kv", "chooses the cache in more than one way: give one of preset, ratio, off, budget, policy");
      if (o->has("preset")) request.policy = parse_policy(o->text("preset"));
      if (o->has("policy")) request.policy = parse_policy(o->text("policy"));
      if (o->has("ratio")) request.policy = forecast_policy(o->real("ratio", 1, 1, 1e6));
      if (o->flag("off", false)) request.policy = off_policy();
      if (o->has("budget")) {
        request.policy = parse_policy("forecast,budget=" + std::to_string(o->whole("budget", 0, 1, INT64_MAX)));
      }
      const Json* what = o->find("pin");
      if (what != nullptr && what->is_number()) {
        pin = o->count("pin", 0, 0);
      } else if (const std::string word = o->text("pin", "system"); word == "none") {
        pin = 0;
      } else if (word != "system") {
        o->refuse("pin", "must be system, none or a number of tokens");
      }
    }
    validate(request.policy);
    validate_tiers(request.policy, engine.config().head_dim);
  } catch (const RequestError&) {
    throw;
  } catch (const Error& error) {
    throw RequestError(400, std::string("'kv': ") + error.what(), "kv");
  }
  for (TierId id : request.policy.tiers) {
    if (!engine.cache().holds(id)) {
      f.refuse("kv", "needs the tier " + std::string(tier(id).name) +
                         ", for which this server's pool was not made; start it with a --kv-policy that has it");
    }
  }
  if (request.policy.judges()) request.policy.pin = std::max(request.policy.pin, pin);
}

std::unique_ptr<TokenMask> read_text_form(const Fields& f, const ServedModel& model) {
  const std::optional<Json> schema = requested_schema(f);
  if (!schema) return nullptr;
  return std::make_unique<GrammarMask>(
      model.grammars().get("schema " + schema->dump(), [&] { return schema_automaton(*schema); }));
}

}  // namespace leankv
