#include "app/load/prompts.h"

#include <algorithm>

#include "app/bench/embedded.h"
#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kProbeBytes = 1000;           // enough words for a mean of bytes per token
constexpr std::size_t kTokenisedBytes = 1'000'000;  // far below the bodies that servers take

std::string read_texts(const LoadOptions& options) {
  if (options.texts.empty()) return std::string(kBenchText);
  std::string text;
  for (const std::string& path : options.texts) text += read_file(path);
  if (text.empty()) throw Error(ErrorKind::kBadFile, "--text " + options.texts.front() + ": is empty");
  return text;
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// `bytes` of the text from `from` on, in a circle, cut between characters.
std::string piece(const std::string& text, std::size_t from, std::size_t bytes) {
  while (from > 0 && !begins_character(text[from])) --from;
  std::string out;
  while (out.size() < bytes) {
    out += text.substr(from, bytes - out.size());
    from = 0;
  }
  while (!out.empty() && !begins_character(out.back())) out.pop_back();
  if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xc0) out.pop_back();
  return out;
}

// llama-server's field and vLLM's.
boost::asio::awaitable<std::vector<int>> tokenise(const HttpClient& client, const LoadOptions& options,
                                                  const std::string& text) {
  const std::string some = piece(text, 0, std::min(text.size(), kTokenisedBytes));
  const Json body{{"model", options.model},
                  {"content", some},
                  {"prompt", some},
                  {"add_special", false},
                  {"add_special_tokens", false}};
  ClientRequest request{"POST", "/tokenize", body.dump(-1, ' ', false, Json::error_handler_t::replace)};
  const ClientAnswer answer = co_await client.ask(std::move(request), {});
  const Json json = Json::parse(answer.body, nullptr, false);
  std::vector<int> ids;
  if (answer.status != 200 || !json.is_object() || !json.contains("tokens")) co_return ids;
  for (const Json& id : json["tokens"]) {
    if (id.is_number_integer()) ids.push_back(id.get<int>());
  }
  co_return ids;
}

boost::asio::awaitable<double> bytes_per_token(const HttpClient& client, const LoadOptions& options,
                                               const std::string& text) {
  const std::string some = piece(text, 0, kProbeBytes);
  Json body = request_body(options, some, 1);
  body.erase("stream");
  body.erase("stream_options");
  const std::string path = options.chat ? "/v1/chat/completions" : "/v1/completions";
  ClientRequest request{"POST", path, body.dump(-1, ' ', false, Json::error_handler_t::replace)};
  const ClientAnswer answer = co_await client.ask(std::move(request), {});
  const Json json = Json::parse(answer.body, nullptr, false);
  if (answer.status != 200) {
    throw Error(ErrorKind::kBadRequest, path + " answers " + std::to_string(answer.status) + ": " + answer.body);
  }
  if (!json.is_object() || !json.contains("usage")) throw Error(ErrorKind::kUnsupported, path + ": no usage is given");
  co_return double(some.size()) / std::max(1, json["usage"].value("prompt_tokens", 0));
}

}  // namespace

boost::asio::awaitable<PromptSource> PromptSource::make(const HttpClient& client, const LoadOptions& options) {
  const std::string text = read_texts(options);
  if (!options.chat) {
    std::vector<int> ids = co_await tokenise(client, options, text);
    if (!ids.empty()) co_return PromptSource(std::move(ids));
  }
  const double each = co_await bytes_per_token(client, options, text);
  co_return PromptSource(text, each);
}

Json PromptSource::prompt(double place, int tokens) const {
  if (!exact()) {
    return piece(text_, std::size_t(place * double(text_.size())),
                 std::size_t(std::max(1.0, tokens * bytes_per_token_)));
  }
  Json ids = Json::array();
  const std::size_t first = std::size_t(place * double(ids_.size()));
  for (std::size_t i = 0; i < std::size_t(tokens); ++i) ids.push_back(ids_[(first + i) % ids_.size()]);
  return ids;
}

Json request_body(const LoadOptions& options, Json prompt, int output_tokens) {
  Json body{{"model", options.model}};
  if (options.chat) {
    body["messages"] = Json::array({Json{{"role", "user"}, {"content", std::move(prompt)}}});
  } else {
    body["prompt"] = std::move(prompt);
  }
  body.update(Json{{"max_tokens", output_tokens},
                   {"ignore_eos", true},
                   {"temperature", 0},
                   {"stream", true},
                   {"stream_options", {{"include_usage", true}}}});
  if (!options.kv.empty()) body["kv"] = options.kv.starts_with('{') ? Json::parse(options.kv) : Json(options.kv);
  if (!options.extra.empty()) body.update(Json::parse(options.extra));
  return body;
}

}  // namespace leankv
