#include "app/eval/suites/needle_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/error.h"

namespace leankv {
namespace {

constexpr std::string_view kNames[] = {"Paris",  "Tokyo",  "Cairo",  "Lima",   "Oslo",   "Rome",   "Delhi",  "Boston",
                                       "Berlin", "Madrid", "Sydney", "Moscow", "Dublin", "Athens", "Havana", "Seoul"};

// The words of the three kinds of text that a task needs.
std::string needle_text(const Needle& n) {
  if (n.key.empty()) return " The secret number is " + n.expected + ".";
  return " The secret number of " + n.key + " is " + n.expected + ".";
}
std::string question_text(const Needle& n) {
  return n.key.empty() ? "What is the secret number in the text?"
                       : "What is the secret number of " + n.key + " in the text?";
}
std::string answer_begin(const Needle& n) {
  return n.key.empty() ? "The secret number is" : "The secret number of " + n.key + " is";
}
constexpr const char* kIntroduction[] = {
    "A secret number is hidden in the following text. Remember it; you will be asked for it later.",
    "Secret numbers of cities are hidden in the following text. Remember them; you will be asked for them later."};

// A prompt's text around the two places that differ from cell to cell.
struct Frame {
  std::vector<int> begin;  // tokens before the filling text
  std::string end;         // after the question

  Frame(const SuiteModel& model, NeedleTask task) {
    const std::string text_mark = "@@text@@", question_mark = "@@question@@";
    const std::string content = std::string(kIntroduction[int(task)]) + "\n\n" + text_mark + "\n\n" + question_mark;
    const SuiteMessages messages = {{{"role", "user"}, {"content", content}}};
    const auto pieces = split_at_marks(model.render(messages), {text_mark, question_mark});
    begin = model.encode(pieces[0], true);
    end = pieces[2];
  }
};

// The standard specifies the engine to the bit, not its distributions: hence remainders, whose bias is below 2^-47.
class Draw {
 public:
  Draw(uint64_t seed, NeedleTask task, int length, int trial)
      : random_(seed * 1'000'003 + uint64_t(length) * 1009 + uint64_t(trial) * 2 + uint64_t(task)) {}

  int below(int n) { return int(random_() % uint64_t(n)); }
  std::string number() { return std::to_string(10000 + below(90000)); }

 private:
  std::mt19937_64 random_;
};

// Different numbers and names, so that no answer is right by chance.
std::vector<Needle> draw_needles(NeedleTask task, const std::vector<int>& depths, Draw& draw) {
  std::vector<std::string_view> names(std::begin(kNames), std::end(kNames));
  std::vector<Needle> needles;
  for (const int depth : depths) {
    Needle needle{depth, "", draw.number()};
    while (std::ranges::count(needles, needle.expected, &Needle::expected) > 0) needle.expected = draw.number();
    if (task == NeedleTask::kPairs) {
      const auto name = names.begin() + draw.below(int(names.size()));
      needle.key = *name;
      names.erase(name);
    }
    needles.push_back(needle);
  }
  return needles;
}

std::vector<int> context_of(const SuiteModel& model, const Filler& filler, const Frame& frame, int length,
                            int first_sentence, const std::vector<Needle>& needles) {
  std::vector<std::vector<int>> hidden;
  int filling = length - int(frame.begin.size());
  for (const Needle& n : needles) filling -= int(hidden.emplace_back(model.encode(needle_text(n), false)).size());
  if (filling < 1) throw Error(ErrorKind::kBadOption, fmt::format("--lengths {}: no room for the needles", length));
  const Filler::Piece piece = filler.piece(first_sentence, filling);
  std::vector<int> context = frame.begin;
  int from = 0;
  for (std::size_t n = 0; n <= needles.size(); ++n) {
    const int to = n == needles.size() ? filling : place_at(piece, needles[n].depth / 100.0);
    context.insert(context.end(), piece.tokens.begin() + from, piece.tokens.begin() + to);
    if (n < needles.size()) context.insert(context.end(), hidden[n].begin(), hidden[n].end());
    from = to;
  }
  return context;
}

NeedleCell make_cell(const SuiteModel& model, const Filler& filler, const Frame& frame, NeedleCell cell,
                     int first_sentence) {
  for (const Needle& n : cell.needles) {
    cell.cell.questions.push_back(model.encode("\n\n" + question_text(n) + frame.end + answer_begin(n), false));
    cell.cell.key += (cell.cell.key.empty() ? "" : ",") + std::to_string(n.depth);
  }
  cell.cell.key = fmt::format("{} of {} tokens, trial {}, depth {}", needle_task_name(cell.task), cell.length,
                              cell.trial, cell.cell.key);
  cell.cell.context = context_of(model, filler, frame, cell.length, first_sentence, cell.needles);
  cell.cell.max_tokens = kNeedleAnswerTokens;
  return cell;
}

}  // namespace

std::string_view needle_task_name(NeedleTask task) { return task == NeedleTask::kPasskey ? "passkey" : "kv"; }

NeedleTask parse_needle_task(std::string_view name) {
  for (const NeedleTask task : {NeedleTask::kPasskey, NeedleTask::kPairs}) {
    if (needle_task_name(task) == name) return task;
  }
  throw Error(ErrorKind::kBadOption, "--tasks: '" + std::string(name) + "' is neither passkey nor kv");
}

std::vector<NeedleCell> make_needle_cells(const SuiteModel& model, const Filler& filler, const NeedleGrid& grid) {
  std::vector<int> depths = grid.depths;
  std::ranges::sort(depths);
  depths.erase(std::ranges::unique(depths).begin(), depths.end());
  const bool pairs = std::ranges::count(grid.tasks, NeedleTask::kPairs) > 0;
  if (pairs && depths.size() > std::size(kNames)) {
    throw Error(ErrorKind::kBadOption, fmt::format("--depths: at most {} with kv", std::size(kNames)));
  }
  std::vector<NeedleCell> cells;
  for (const NeedleTask task : grid.tasks) {
    const Frame frame(model, task);
    for (const int length : grid.lengths) {
      for (int trial = 0; trial < grid.trials; ++trial) {
        Draw draw(grid.seed, task, length, trial);
        const std::vector<Needle> needles = draw_needles(task, depths, draw);
        const int first_sentence = draw.below(filler.sentences());
        const auto add = [&](std::vector<Needle> chosen) {
          cells.push_back(
              make_cell(model, filler, frame, {task, length, trial, std::move(chosen), {}}, first_sentence));
        };
        if (task == NeedleTask::kPairs) add(needles);
        for (const Needle& n : task == NeedleTask::kPairs ? std::vector<Needle>() : needles) add({n});
      }
    }
  }
  return cells;
}

}  // namespace leankv
