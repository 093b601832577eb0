#include "server/introspection.h"

#include <filesystem>

#include "model/utf8.h"
#include "server/kv_view.h"

namespace leankv {
namespace {

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Character c = read_utf8(text);
    if (c.state != Utf8State::kValid) return false;
    text.remove_prefix(std::size_t(c.bytes));
  }
  return true;
}

// As llama-server writes it: a text, or bytes where it is a part of a character.
Json piece_json(std::string_view piece) {
  if (is_utf8(piece)) return piece;
  Json bytes = Json::array();
  for (char c : piece) bytes.push_back(uint8_t(c));
  return bytes;
}

std::vector<int> read_tokens(const Fields& f, const ServedModel& model) {
  const Json* list = f.list("tokens");
  if (list == nullptr) f.refuse("tokens", "is missing");
  std::vector<int> tokens;
  for (const Json& t : *list) {
    if (!t.is_number_integer() || t < 0 || t >= model.tokenizer().size()) {
      f.refuse("tokens", "has " + t.dump().substr(0, 40) + ", which is no token of the model");
    }
    tokens.push_back(t);
  }
  return tokens;
}

}  // namespace

Json model_json(const Json&, const ServedModel& model) {
  const Engine& engine = model.engine();
  return {{"id", model.name()},
          {"object", "model"},
          {"created", model.created()},
          {"owned_by", "leankv"},
          {"max_model_len", model.context()},
          {"meta",
           {{"vocab_type", 2},
            {"n_vocab", model.tokenizer().size()},
            {"n_ctx", model.context()},
            {"n_ctx_train", engine.config().context},
            {"size", engine.file().size_bytes()}}}};
}

Json models_json(const Json& body, const ServedModel& model) {
  return {{"object", "list"}, {"data", Json::array({model_json(body, model)})}};
}

Json tokenize(const Json& body, const ServedModel& model) {
  const Fields f(body);
  std::vector<int> tokens;
  if (f.has("messages")) {
    tokens = model.encode(rendered_chat(body, model), false);
  } else if (f.has("prompt")) {
    tokens = model.encode(f.text("prompt"), f.flag("add_special_tokens", true));
  } else {
    tokens = model.tokenizer().encode(f.text("content"), f.flag("parse_special", true));
    const int bos = model.tokenizer().bos();
    if (f.flag("add_special", false) && model.tokenizer().adds_bos()) tokens.insert(tokens.begin(), bos);
  }
  Json list = tokens;
  if (f.flag("with_pieces", false)) {
    for (Json& t : list) t = {{"id", t}, {"piece", piece_json(model.tokenizer().piece(t, true))}};
  }
  return {{"tokens", std::move(list)}, {"count", tokens.size()}, {"max_model_len", model.context()}};
}

Json detokenize(const Json& body, const ServedModel& model) {
  const std::string text = model.tokenizer().decode(read_tokens(Fields(body), model), true);
  return {{"content", text}, {"prompt", text}};
}

Json apply_template(const Json& body, const ServedModel& model) { return {{"prompt", rendered_chat(body, model)}}; }

Json props(const Json&, const ServedModel& model) {
  const Engine& engine = model.engine();
  const SamplingOptions& s = model.options().defaults.sampling;
  return {{"default_generation_settings",
           {{"n_ctx", model.context()},
            {"params",
             {{"n_predict", model.options().defaults.max_tokens},
              {"temperature", s.temperature},
              {"top_k", s.top_k},
              {"top_p", s.top_p},
              {"min_p", s.min_p},
              {"repeat_penalty", s.repeat_penalty},
              {"repeat_last_n", s.repeat_last_n},
              {"presence_penalty", s.presence_penalty},
              {"frequency_penalty", s.frequency_penalty}}}}},
          {"total_slots", engine.options().sequences},
          {"model_alias", model.name()},
          {"model_path", std::filesystem::path(engine.file().name()).filename().string()},
          {"modalities", {{"vision", false}, {"audio", false}}},
          {"chat_template", model.options().template_source},
          {"bos_token", model.bos_text()},
          {"eos_token", model.eos_text()},
          {"kv",
           {{"policy", describe(engine.options().policy)},
            {"calibration", engine.options().calibration.origin},
            {"pool_bytes", engine.cache().pool_bytes()},
            {"page_bytes", engine.cache().page_bytes()},
            {"bytes_per_token_16bit", engine.cache().shape().bytes_per_token_16bit()}}}};
}

Json slots(const Engine& engine, const Scheduler& scheduler, const ServedModel& model) {
  std::vector<Json> all;
  for (int i = 0; i < engine.options().sequences; ++i) {
    all.push_back({{"id", i}, {"n_ctx", model.context()}, {"speculative", false}, {"is_processing", false}});
  }
  for (const Sequence& kept : scheduler.kept().all()) all.at(std::size_t(kept.slot()))["n_kept"] = kept.tokens.size();
  for (const auto& running : scheduler.running()) {
    Json& slot = all.at(std::size_t(running.sequence.slot()));
    slot["is_processing"] = true;
    slot["kv"] = sequence_json(running, engine, engine.usage(running.sequence));
  }
  return all;
}

}  // namespace leankv
