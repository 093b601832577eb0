#include "app/chat_commands.h"

#include <fmt/format.h>

#include <filesystem>

#include "app/files.h"
#include "app/head_report.h"
#include "app/policy_choice.h"
#include "app/usage_report.h"
#include "base/error.h"
#include "base/nearest_name.h"

namespace leankv {
namespace {

struct ChatCommand {
  std::string_view name, argument, help;
  ChatStep (*run)(ChatSession& session, const std::string& argument);
};
std::span<const ChatCommand> chat_commands();

void need(const std::string& argument, const char* example) {
  if (argument.empty()) throw Error(ErrorKind::kBadOption, std::string("a file is missing: ") + example);
}

ChatStep stats(ChatSession& session, const std::string&) {
  if (session.sequence() == nullptr) return fmt::print("nothing is in the cache yet\n"), ChatStep::kContinue;
  fmt::print("setting  {}\n", describe(session.policy()));
  fmt::print("{}", usage_text(report_of(session.engine().cache(), session.sequence()->slot())));
  if (session.last()) {
    fmt::print("{}reused   {} tokens were in the cache before the last message\n",
               timings_text(session.last()->timings), session.reused_tokens());
  }
  return ChatStep::kContinue;
}

// "safe", "ratio 4", or what --kv-policy takes.
Policy policy_of(const std::string& text) {
  if (!text.starts_with("ratio ")) return parse_policy(text);
  return parse_policy("ratio=" + text.substr(text.find_first_not_of(' ', std::string("ratio").size())));
}

ChatStep kv(ChatSession& session, const std::string& argument) {
  if (!argument.empty()) {
    session.set_policy(policy_of(argument));
    fmt::print("cache: {}; the next message feeds the conversation anew\n", describe(session.policy()));
  } else if (session.sequence() == nullptr) {
    fmt::print("nothing is in the cache yet; its setting is {}\n", describe(session.policy()));
  } else {
    const KvCache& cache = session.engine().cache();
    const SlotId slot = session.sequence()->slot();
    fmt::print("tokens per tier and head, and their bytes in whole pages\n{}\n{}\n{}",
               heads_table(heads_json(cache, slot)), layers_text(report_of(cache, slot)),
               usage_text(report_of(cache, slot)));
  }
  return ChatStep::kContinue;
}

ChatStep clear(ChatSession& session, const std::string&) {
  session.clear();
  fmt::print("a new conversation\n");
  return ChatStep::kContinue;
}

ChatStep file(ChatSession& session, const std::string& argument) {
  need(argument, "/file PATH");
  const std::string text = read_file(argument);
  session.attach(std::filesystem::path(argument).filename(), text);
  fmt::print("{} ({} bytes) goes with the next message\n", argument, text.size());
  return ChatStep::kContinue;
}

ChatStep save(ChatSession& session, const std::string& argument) {
  need(argument, "/save FILE");
  write_json(argument, session.to_json());
  fmt::print("{} messages saved to {}\n", session.messages().size(), argument);
  return ChatStep::kContinue;
}

ChatStep load(ChatSession& session, const std::string& argument) {
  need(argument, "/load FILE");
  const auto json = nlohmann::ordered_json::parse(read_file(argument), nullptr, false);
  session.from_json(json);
  fmt::print("{} messages loaded; the next message builds their cache anew, with {}\n", session.messages().size(),
             describe(session.policy()));
  return ChatStep::kContinue;
}

ChatStep quit(ChatSession&, const std::string&) { return ChatStep::kQuit; }

ChatStep help(ChatSession&, const std::string&) {
  for (const ChatCommand& c : chat_commands()) {
    fmt::print("  {:<28}{}\n", fmt::format("{} {}", c.name, c.argument), c.help);
  }
  fmt::print("  Ctrl-C stops the answer; twice at the prompt, or Ctrl-D, leaves\n");
  return ChatStep::kContinue;
}

constexpr ChatCommand kChatCommands[] = {
    {"/stats", "", "what the cache took and how long the answer", stats},
    {"/kv", "", "the cache by layer, head and tier", kv},
    {"/kv", "off|safe|balanced|small", "another cache; the conversation is fed anew", kv},
    {"/kv", "ratio R", "the same with a target of our own", kv},
    {"/file", "PATH", "adds a document to the next message", file},
    {"/clear", "", "forgets the conversation", clear},
    {"/save", "FILE", "the conversation as JSON, with a report of its cache", save},
    {"/load", "FILE", "and back; the cache is built anew", load},
    {"/help", "", "this list", help},
    {"/quit", "", "leaves", quit},
};

std::span<const ChatCommand> chat_commands() { return kChatCommands; }

}  // namespace

ChatStep run_chat_command(const std::string& line, ChatSession& session) {
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::string name = line.substr(0, blank);
  const std::size_t first = line.find_first_not_of(' ', blank), last = line.find_last_not_of(' ');
  const std::string argument = first == std::string::npos ? "" : line.substr(first, last - first + 1);
  std::vector<std::string_view> known;
  for (const ChatCommand& c : kChatCommands) {
    if (c.name == name) return c.run(session, argument);
    known.push_back(c.name);
  }
  const std::string_view nearest = nearest_name(name, known);
  throw Error(ErrorKind::kBadOption,
              "unknown command " + name +
                  (nearest.empty() ? "; /help lists those there are" : "; did you mean " + std::string(nearest) + "?"));
}

}  // namespace leankv
