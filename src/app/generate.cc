// `leankv generate`: one completion to stdout, everything else to stderr.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "app/commands.h"
#include "app/files.h"
#include "app/head_report.h"
#include "app/interrupt.h"
#include "app/prompt.h"
#include "app/session.h"
#include "app/usage_report.h"
#include "base/error.h"

namespace leankv {
namespace {

constexpr const char* kUsage =
    "leankv generate -p TEXT | -f FILE | < FILE    one completion to stdout, everything else to stderr\n\n";

void check_options(const AppOptions& o) {
  const auto refuse = [](const std::string& message) { throw Error(ErrorKind::kBadOption, message); };
  if (!o.arguments.empty()) refuse("unexpected argument '" + o.arguments.front() + "'; a prompt follows -p");
  if (!o.prompt.empty() && !o.prompt_file.empty()) refuse("-p and -f both give the prompt: use one");
  if (!o.chat && !o.system.empty()) refuse("--system is part of a chat: add --chat");
  if (!o.chat && !o.chat_template_file.empty()) refuse("--chat-template-file is part of a chat: add --chat");
}

std::string read_prompt(const AppOptions& o) {
  if (!o.prompt.empty()) return o.prompt;
  if (!o.prompt_file.empty()) return read_file(o.prompt_file);
  if (isatty(STDIN_FILENO) == 1) {
    throw Error(ErrorKind::kBadOption, "no prompt: give -p TEXT or -f FILE, or pipe the text in");
  }
  return read_file("-");
}

std::vector<int> tokens_of(const std::string& prompt, const Engine& engine, const AppOptions& options) {
  const Tokenizer& tokenizer = engine.tokenizer();
  if (!options.chat) {
    std::vector<int> tokens = tokenizer.encode(prompt, true);
    if (tokenizer.adds_bos()) tokens.insert(tokens.begin(), tokenizer.bos());
    return tokens;
  }
  Messages messages = Messages::array();
  if (!options.system.empty()) add_message(messages, "system", options.system);
  add_message(messages, "user", prompt);
  return tokenizer.encode(PromptWriter(engine, options).render(messages), true);
}

nlohmann::ordered_json stats_json(const Generation& g, const UsageReport& report, std::size_t prompt_tokens,
                                  const AppOptions& options, const Engine& engine, SlotId slot) {
  nlohmann::ordered_json stats = {{"answer", g.text},
                                  {"prompt_tokens", prompt_tokens},
                                  {"completion_tokens", g.tokens.size()},
                                  {"finish_reason", finish_reason_name(g.finish)},
                                  {"model", engine.file().name()},
                                  {"kv", describe(engine.options().policy)},
                                  {"calibration", engine.options().calibration.origin},
                                  {"seed", options.generation.sampling.seed}};
  stats.update(usage_json(report));
  stats["by_head"] = heads_json(engine.cache(), slot);
  stats["timings"] = timings_json(g.timings);
  return stats;
}

}  // namespace

int run_generate(std::span<char* const> args) {
  AppOptions options = parse_options(args, kGenerateCommand);
  if (options.help) return fmt::print("{}{}", kUsage, options_help(kGenerateCommand)), 0;
  check_options(options);
  const std::string prompt = read_prompt(options);
  catch_interrupts();
  const auto engine = load_engine(options);
  fmt::print(stderr, "{}\n", startup_text(*engine));

  const std::vector<int> tokens = tokens_of(prompt, *engine, options);
  auto sequence = engine->start(options.engine.policy, int(tokens.size()), std::max(1, options.generation.max_tokens));
  LEANKV_CHECK(sequence.has_value());  // the first sequence of a new engine
  AnswerPrinter printer(options);
  const Generation g = generate(*engine, *sequence, tokens, options.generation, printer.callbacks());
  printer.finish();

  const UsageReport report = report_of(engine->cache(), sequence->slot());
  fmt::print(stderr, "\n{}{}{}", usage_text(report), options.verbose ? layers_text(report) : "",
             timings_text(g.timings));
  if (!options.stats_json.empty()) {
    write_json(options.stats_json, stats_json(g, report, tokens.size(), options, *engine, sequence->slot()));
  }
  if (g.finish != FinishReason::kMemory) return 0;
  throw Error(ErrorKind::kDoesNotFit, "the cache's pool is full after " + std::to_string(sequence->tokens.size()) +
                                          " tokens: raise --kv-cache-memory-bytes or compress more with --kv");
}

}  // namespace leankv
