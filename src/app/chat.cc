// `leankv chat`: a conversation in the terminal, or from a pipe, line by line.
#include <fmt/format.h>

#include <cstdio>

#include "app/chat_commands.h"
#include "app/commands.h"
#include "app/interrupt.h"
#include "app/line_reader.h"
#include "app/session.h"
#include "base/error.h"
#include "loader/printable.h"

namespace leankv {
namespace {

constexpr const char* kUsage = "leankv chat    a conversation; /help inside lists what it can do\n\n";
constexpr const char* kPrompt = "> ";
constexpr std::size_t kLongestMessage = 2000;  // bytes

void note_end(FinishReason reason) {
  if (reason == FinishReason::kLength) fmt::print(stderr, "[the answer reached its limit: -n, or --ctx-size]\n");
  if (reason == FinishReason::kCancelled) fmt::print(stderr, "[stopped]\n");
  if (reason == FinishReason::kMemory) {
    fmt::print(stderr,
               "[the cache's pool is full: /kv small, /clear, or start with a larger --kv-cache-memory-bytes]\n");
  }
}

ChatStep take_line(const std::string& line, ChatSession& session, const AppOptions& options) {
  if (line.find_first_not_of(" \t\r") == std::string::npos) return ChatStep::kContinue;
  if (line.starts_with('/')) return run_chat_command(line, session);
  AnswerPrinter printer(options);
  const Generation& answer = session.say(line, printer.callbacks());
  printer.finish();
  note_end(answer.finish);
  return ChatStep::kContinue;
}

// Returns whether every line could be served.
bool converse(ChatSession& session, LineReader& reader, const AppOptions& options) {
  bool all_served = true;
  for (;;) {
    clear_interrupt();
    const std::optional<std::string> line = reader.read();
    if (!line) return all_served;
    clear_interrupt();
    try {
      if (take_line(*line, session, options) == ChatStep::kQuit) return all_served;
    } catch (const Error& error) {
      all_served = false;
      fmt::print(stderr, "leankv: {}\n", printable(error.what(), kLongestMessage));
    }
    std::fflush(stdout);
  }
}

}  // namespace

int run_chat(std::span<char* const> args) {
  AppOptions options = parse_options(args, kChatCommand);
  if (options.help) return fmt::print("{}{}", kUsage, options_help(kChatCommand)), 0;
  if (!options.arguments.empty()) {
    throw Error(ErrorKind::kBadOption, "unexpected argument '" + options.arguments.front() + "'");
  }
  // So that /kv can change between the presets: they share their tiers.
  const auto engine = load_engine(options, {forecast_policy(1)});
  fmt::print(stderr, "{}\n", startup_text(*engine));
  ChatSession session(*engine, options);
  LineReader reader(kPrompt);
  if (reader.is_terminal()) fmt::print(stderr, "/help lists the commands; Ctrl-C stops an answer\n");
  catch_interrupts();
  // A person has seen what was refused; a program that pipes lines in sees it by the exit code.
  return converse(session, reader, options) || reader.is_terminal() ? 0 : 2;
}

}  // namespace leankv
