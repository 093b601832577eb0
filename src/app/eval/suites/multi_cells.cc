#include "app/eval/suites/multi_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "app/eval/suites/multi_texts.h"
#include "base/trimmed.h"

namespace leankv {
namespace {

constexpr const char* kQuestionMark = "@@question@@";
constexpr const char* kPageIntroduction = "Here is a page of a log book:\n\n";

void add(SuiteMessages& messages, std::string_view role, std::string_view content) {
  messages.push_back({{"role", role}, {"content", content}});
}

std::string plain(std::string_view text) { return std::string(text); }

// Pages of filling text, one after the other.
class Pages {
 public:
  Pages(const SuiteModel& model, const Filler& filler, int first_sentence)
      : model_(model), filler_(filler), next_(first_sentence) {}

  std::string next(int tokens) {
    const Filler::Piece piece = filler_.piece(next_, std::max(1, tokens));
    next_ += int(piece.places.size());
    const std::string text = model_.tokenizer().decode(piece.tokens);
    return std::string(trimmed(text));
  }

 private:
  const SuiteModel& model_;
  const Filler& filler_;
  int next_;
};

// The conversation so far is the context; a question is one more message of the user.
MultiCell make_cell(const SuiteModel& model, std::string key, SuiteMessages messages, std::vector<MultiCheck> checks) {
  add(messages, "user", kQuestionMark);
  const auto pieces = split_at_marks(model.render(messages), {kQuestionMark});
  MultiCell cell;
  cell.cell.key = std::move(key);
  cell.cell.context = model.encode(pieces[0], true);
  cell.cell.max_tokens = kMultiAnswerTokens;
  if (!model.chats()) cell.cell.stop = {"\n\n"};
  for (const MultiCheck& c : checks) cell.cell.questions.push_back(model.encode(c.asked + pieces[1], false));
  cell.checks = std::move(checks);
  return cell;
}

MultiCell instructions_cell(const SuiteModel& model, Pages& pages, int tokens, int trial, std::mt19937_64& random) {
  std::vector<TextPair> texts(instruction_texts().begin(), instruction_texts().end());
  std::string list;
  std::vector<MultiCheck> checks;
  for (int i = 0; i < kInstructions; ++i) {
    const auto chosen = texts.begin() + std::ptrdiff_t(random() % texts.size());
    list += fmt::format("- When I ask about {}, answer \"{}\"\n", chosen->first, chosen->second);
    std::string_view words = chosen->second;
    words.remove_suffix(1);  // the full stop
    checks.push_back(
        {"instructions", fmt::format("I ask about {}. What do you answer?", chosen->first), plain(words), nullptr});
    texts.erase(chosen);
  }
  const std::string begin = "Here are your instructions. Follow them when I ask later.\n\n" + list + "\n";
  const int page = tokens - int(model.encode(begin, true).size());
  SuiteMessages messages = SuiteMessages::array();
  add(messages, "user", begin + kPageIntroduction + pages.next(page));
  add(messages, "assistant", "I have read it and will follow the instructions.");
  return make_cell(model, fmt::format("instructions, {} tokens, trial {}", tokens, trial), messages, checks);
}

// Questions and pages in turn; the assistant answers in the rule's form.
MultiCell conversation_cell(const SuiteModel& model, Pages& pages, int tokens, const std::string& key,
                            std::string_view system, const FormRule* rule, std::vector<MultiCheck> checks) {
  const auto form = [&](std::string_view text) { return rule == nullptr ? plain(text) : rule->applied(text); };
  const auto messages_with = [&](int page_tokens) {
    SuiteMessages messages = SuiteMessages::array();
    add(messages, "system", system);
    for (const TextPair& pair : conversation_texts()) {
      add(messages, "user", pair.first);
      add(messages, "assistant", form(pair.second));
      if (page_tokens == 0) continue;
      add(messages, "user", kPageIntroduction + pages.next(page_tokens));
      add(messages, "assistant", form("I have read the page."));
    }
    return messages;
  };
  const int bare = int(model.encode(model.render(messages_with(0)), true).size());
  const int turns = int(conversation_texts().size());
  constexpr int kPageTurn = 32;  // tokens of a page's turn beside the page, about
  return make_cell(model, key, messages_with(std::max(1, (tokens - bare) / turns - kPageTurn)), std::move(checks));
}

std::vector<MultiCheck> fact_checks() {
  std::vector<MultiCheck> checks;
  for (const TextPair& q : fact_questions()) checks.push_back({"facts", plain(q.first), plain(q.second), nullptr});
  return checks;
}

std::vector<MultiCheck> rule_checks(const FormRule& rule) {
  std::vector<MultiCheck> checks;
  for (const std::string_view q : rule_questions()) checks.push_back({plain(rule.name), plain(q), "", &rule});
  return checks;
}

}  // namespace

bool MultiCheck::holds(std::string_view answer) const {
  return rule == nullptr ? mentions(answer, expected) : rule->obeyed(answer);
}

std::vector<MultiCell> make_multi_cells(const SuiteModel& model, const Filler& filler, int tokens, int trials,
                                        uint64_t seed) {
  std::vector<MultiCell> cells;
  for (int trial = 0; trial < trials; ++trial) {
    std::mt19937_64 random(seed * 1'000'003 + uint64_t(trial));
    Pages pages(model, filler, int(random() % uint64_t(filler.sentences())));
    const auto key = [&](std::string_view name) {
      return fmt::format("system prompt, {}, {} tokens, trial {}", name, tokens, trial);
    };
    cells.push_back(instructions_cell(model, pages, tokens, trial, random));
    cells.push_back(conversation_cell(model, pages, tokens, key("facts"), kFactsPrompt, nullptr, fact_checks()));
    for (const FormRule& rule : form_rules()) {
      cells.push_back(conversation_cell(model, pages, tokens, key(rule.name), rule.words, &rule, rule_checks(rule)));
    }
  }
  return cells;
}

}  // namespace leankv
