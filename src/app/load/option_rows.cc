#include "app/load/option_rows.h"

#include <limits>

#include "app/option_values.h"

namespace leankv {
namespace {

using Options = AppOptions;
using Text = const std::string;

constexpr int kMostRequests = 1'000'000;
constexpr int kMostClients = 16'384;
constexpr int kMostTokens = 1 << 24;  // of a prompt or an answer

Arrivals arrivals(Text& text) {
  if (text.starts_with("closed:")) {
    return {.clients = number(text.substr(7), 1, kMostClients, "a number of clients from 1 to 16384"), .rate = 0};
  }
  if (text.starts_with("poisson:")) {
    return {.clients = 0, .rate = number(text.substr(8), 1e-3, 1e6, "a number of requests per second")};
  }
  refuse_option("'" + text + "' is neither closed:CLIENTS nor poisson:RATE");
}

int tokens(Text& text) { return number(text, 1, kMostTokens, "a number of tokens from 1 to 16777216"); }

const OptionRow kRows[] = {
    {"--url", "URL", kLoadCommand, "the server (http://127.0.0.1:8080)", [](Options& o, Text& t) { o.load.url = t; }},
    {"-m, --model", "NAME", kLoadCommand, "what requests call the model (default)",
     [](Options& o, Text& t) { o.load.model = t; }},
    {"--api-key", "KEY", kLoadCommand, "sent with each request", [](Options& o, Text& t) { o.load.api_key = t; }},
    {"--arrivals", "HOW", kLoadCommand,
     "closed:N: N clients, each sends when its last answer has ended; poisson:R: R per second on average (closed:1)",
     [](Options& o, Text& t) { o.load.arrivals = arrivals(t); }},
    {"--requests", "N", kLoadCommand, "how many are sent (32)",
     [](Options& o, Text& t) { o.load.requests = number(t, 1, kMostRequests, "a whole number from 1 to 1000000"); }},
    {"--prompt-tokens", "N", kLoadCommand, "of every prompt; default: lengths as in ShareGPT",
     [](Options& o, Text& t) { o.load.prompt_tokens = tokens(t); }},
    {"--output-tokens", "N", kLoadCommand, "of every answer; default: lengths as in ShareGPT",
     [](Options& o, Text& t) { o.load.output_tokens = tokens(t); }},
    {"--text", "FILE", kLoadCommand, "what prompts are cut from; may be repeated",
     [](Options& o, Text& t) { o.load.texts.push_back(t); }},
    {"-s, --seed", "N", kLoadCommand, "of lengths, places in the text and times of arrival (1)",
     [](Options& o, Text& t) {
       o.load.seed = number<uint64_t>(t, 0, std::numeric_limits<uint64_t>::max(), "a whole number from 0 up");
     }},
    {"--kv", "NAME|JSON", kLoadCommand, "the field kv of each request; default: none, the server's own setting",
     [](Options& o, Text& t) { o.load.kv = t; }},
    {"--extra", "JSON", kLoadCommand, "more fields of each request, or others: {\"priority\": 1}",
     [](Options& o, Text& t) { o.load.extra = t; }},
    {"--chat", "", kLoadCommand, "ask /v1/chat/completions; default: /v1/completions",
     [](Options& o, Text&) { o.load.chat = true; }},
    {"--timeout", "SECONDS", kLoadCommand, "of silence, after which a request has failed (600)",
     [](Options& o, Text& t) { o.load.timeout_s = count(t, 1); }},
    {"--json", "FILE", kLoadCommand, "also write the result as JSON", [](Options& o, Text& t) { o.load.json = t; }},
    {"--no-progress", "", kLoadCommand, "no progress bar on a terminal", [](Options& o, Text&) { o.progress = false; }},
};

}  // namespace

std::span<const OptionRow> load_option_rows() { return kRows; }

}  // namespace leankv
