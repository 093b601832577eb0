// The program: finds the command and says in one line what went wrong.
#include <fmt/format.h>

#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include "app/bench/bench.h"
#include "app/commands.h"
#include "app/eval/eval.h"
#include "base/error.h"
#include "base/nearest_name.h"
#include "loader/printable.h"

namespace leankv {
namespace {

constexpr int kBadInput = 2;                   // exit code
constexpr std::size_t kLongestMessage = 2000;  // bytes

struct Command {
  std::string_view name, help;
  int (*run)(std::span<char* const> args);
};
constexpr Command kCommands[] = {
    {"chat", "a conversation in the terminal", run_chat},
    {"generate", "one completion: -p TEXT, -f FILE or stdin", run_generate},
    {"serve", "OpenAI-compatible server", run_serve},
    {"eval", "quality of a compressed cache beside the uncompressed one", run_eval},
    {"bench", "tokens per second by cache, context depth and batch; bench serve: of a server's clients", run_bench},
    {"calibrate", "learns a model's own curves from a text, for the cache to begin with", run_calibrate},
    {"inspect", "what a GGUF file holds; --tiers: what the cache's precisions cost", run_inspect},
};

std::string help_text() {
  std::string text = "leankv: language models with a compressed KV cache\n\n";
  for (const Command& c : kCommands) text += fmt::format("  leankv {:<10}{}\n", c.name, c.help);
  return text +
         "\nleankv COMMAND --help lists a command's options. Without -m the default model is used, which\n"
         "scripts/get-model fetches. --kv off, safe, balanced, small chooses how far the cache is compressed.\n";
}

[[noreturn]] void refuse_command(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Command& c : kCommands) known.push_back(c.name);
  const std::string_view nearest = nearest_name(name, known);
  throw Error(ErrorKind::kBadOption,
              nearest.empty() ? fmt::format("unknown command '{}'; there is {}", name, fmt::join(known, ", "))
                              : fmt::format("unknown command '{}'; did you mean {}?", name, nearest));
}

int run(std::span<char* const> args) {
  if (args.empty()) throw Error(ErrorKind::kBadOption, "no command; leankv --help lists them");
  const std::string_view name = args.front();
  if (name == "-h" || name == "--help" || name == "help") return fmt::print("{}", help_text()), 0;
  if (name == "--version") return fmt::print("leankv {}\n", LEANKV_VERSION), 0;
  for (const Command& c : kCommands) {
    if (c.name == name) return c.run(args.subspan(1));
  }
  refuse_command(name);
}

int fail(const char* message) {
  fmt::print(stderr, "leankv: {}\n", printable(message, kLongestMessage));
  return kBadInput;
}

}  // namespace
}  // namespace leankv

int main(int argc, char** argv) {
  try {
    return leankv::run({argv + 1, argv + argc});
  } catch (const std::bad_alloc&) {
    return leankv::fail("not enough memory for this model and context: try a smaller --ctx-size");
  } catch (const std::exception& error) {
    return leankv::fail(error.what());
  }
}
