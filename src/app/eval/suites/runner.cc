#include "app/eval/suites/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "app/eval/runs.h"
#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/generation.h"
#include "model/config.h"

namespace leankv {
namespace {

// Twice for page sizes that suit another tier than 16 bit, once more for a copy of which the question is asked.
constexpr int kPoolOverPrompt = 3;

std::string row_key(const EvalRow& row) { return describe(row.policy); }
std::string cell_key(const EvalRow& row, const SuiteCell& cell) { return row_key(row) + " | " + cell.key; }

std::unique_ptr<Engine> engine_for(const AppOptions& o, const SuitePlan& plan, const EvalRow& row) {
  int longest = 0;
  for (const SuiteCell& cell : plan.cells) longest = std::max(longest, cell.longest());
  EngineOptions options = o.engine;
  options.activations = row.activations;
  options.context = longest;
  options.sequences = plan.asked == Asked::kAfter ? 2 : 1;
  options.pool_bytes = ample_pool_bytes(read_config(GgufFile(options.model_path)), longest, kPoolOverPrompt);
  options.policy = row.policy;
  return std::make_unique<Engine>(options);
}

[[noreturn]] void refuse_pool(const SuiteCell& cell) {
  throw Error(ErrorKind::kDoesNotFit, "'" + cell.key + "' does not fit into the memory there is: choose shorter ones");
}

class CellRun {
 public:
  CellRun(Engine& engine, const EvalRow& row, const SuiteCell& cell) : engine_(engine), row_(row), cell_(cell) {
    options_.max_tokens = cell.max_tokens;
    options_.stop = cell.stop;
    options_.sampling.temperature = 0;
  }

  // The last question needs no copy.
  CellResult after() {
    Sequence sequence = started(int(cell_.context.size()), cell_.longest() - int(cell_.context.size()));
    if (!engine_.feed(sequence, cell_.context)) refuse_pool(cell_);
    result_.add_prompt(engine_.usage(sequence));
    for (std::size_t q = 0; q + 1 < cell_.questions.size(); ++q) {
      std::optional<Sequence> copy = engine_.copy(sequence);
      if (!copy) refuse_pool(cell_);
      answer(*copy, cell_.questions[q]);
    }
    answer(sequence, cell_.questions.back());
    return std::move(result_);
  }

  CellResult within() {
    for (const std::vector<int>& question : cell_.questions) {
      std::vector<int> prompt = cell_.context;
      prompt.insert(prompt.end(), question.begin(), question.end());
      Sequence sequence = started(int(prompt.size()), cell_.max_tokens);
      answer(sequence, prompt);
    }
    return std::move(result_);
  }

 private:
  Sequence started(int prompt_tokens, int more) {
    std::optional<Sequence> sequence = engine_.start(row_.policy, prompt_tokens, more);
    LEANKV_CHECK(sequence.has_value());
    return std::move(*sequence);
  }

  void answer(Sequence& sequence, const std::vector<int>& tokens) {
    const bool is_prompt = sequence.tokens.empty();
    GenerationCallbacks callbacks;
    if (is_prompt) {
      callbacks.prefill = [&](double done) {
        if (done >= 1) result_.add_prompt(engine_.usage(sequence));
      };
    }
    const Generation g = generate(engine_, sequence, tokens, options_, callbacks);
    result_.answers.push_back({g.text, int(g.tokens.size()), g.finish});
  }

  Engine& engine_;
  const EvalRow& row_;
  const SuiteCell& cell_;
  GenerationOptions options_;
  CellResult result_;
};

class Runner {
 public:
  Runner(const AppOptions& options, const SuitePlan& plan, const std::vector<EvalRow>& rows, CellLog& log)
      : options_(options), plan_(plan), rows_(rows), log_(log), bar_(plan.suite, shown()) {
    for (const SuiteCell& cell : plan.cells) all_ += double(cell.tokens()) * double(rows.size());
  }

  std::vector<std::vector<CellResult>> run() {
    std::vector<std::vector<CellResult>> results(rows_.size());
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      if (r > 0 && !rows_[r].same_engine(rows_[r - 1])) engine_.reset();
      for (const SuiteCell& cell : plan_.cells) results[r].push_back(result_of(rows_[r], cell));
      if (!shown()) {
        fmt::print(stderr, "{}: {} is done, {:.2f}x\n", plan_.suite, row_key(rows_[r]), page_true_ratio(results[r]));
      }
    }
    return results;
  }

 private:
  bool shown() const { return options_.progress && stderr_is_terminal(); }

  CellResult result_of(const EvalRow& row, const SuiteCell& cell) {
    const std::string key = cell_key(row, cell);
    done_ += double(cell.tokens());
    if (const auto* known = log_.find(key)) return cell_from_json(*known);
    if (!engine_) engine_ = engine_for(options_, plan_, row);
    CellRun one(*engine_, row, cell);
    const CellResult result = plan_.asked == Asked::kAfter ? one.after() : one.within();
    log_.add(key, cell_to_json(result));
    bar_.update(done_ / all_);
    if (interrupted()) stop();
    return result;
  }

  [[noreturn]] void stop() {
    bar_.clear();
    throw Error(ErrorKind::kBadRequest,
                log_.part().empty() ? "stopped; with --json FILE the same command would go on where it was"
                                    : "stopped; what is done lies in " + log_.part() + ", the same command goes on");
  }

  const AppOptions& options_;
  const SuitePlan& plan_;
  const std::vector<EvalRow>& rows_;
  CellLog& log_;
  ProgressBar bar_;
  std::unique_ptr<Engine> engine_;
  double done_ = 0, all_ = 0;  // tokens
};

void check_lengths(const AppOptions& o, const SuitePlan& plan) {
  const int context = read_config(GgufFile(o.engine.model_path)).context;
  for (const SuiteCell& cell : plan.cells) {
    if (cell.longest() <= context) continue;
    throw Error(ErrorKind::kBadRequest, fmt::format("'{}' takes {} tokens with its answer, the model's context is {}",
                                                    cell.key, cell.longest(), context));
  }
}

}  // namespace

std::vector<EvalRow> suite_rows(const SuiteOptions& o, Activations activations) {
  const std::span<const double> ratios = o.ratios.empty() ? std::span(kSuiteRatios) : std::span(o.ratios);
  std::vector<EvalRow> rows = make_rows(o.policies, ratios, activations);
  const auto off = std::ranges::find(rows, PolicyKind::kOff, [](const EvalRow& r) { return r.policy.kind; });
  if (off == rows.end()) {
    rows.insert(rows.begin(), {"off", std::nullopt, off_policy(), activations});
  } else {
    std::rotate(rows.begin(), off, off + 1);
  }
  return rows;
}

std::vector<std::vector<CellResult>> run_cells(const AppOptions& options, const SuitePlan& plan,
                                               const std::vector<EvalRow>& rows, CellLog& log) {
  check_lengths(options, plan);
  return Runner(options, plan, rows, log).run();
}

double page_true_ratio(const std::vector<CellResult>& results) {
  double bytes_16bit = 0, bytes = 0;
  for (const CellResult& r : results) {
    bytes_16bit += double(r.bytes_16bit);
    bytes += double(r.bytes);
  }
  return bytes > 0 ? bytes_16bit / bytes : 0;
}

}  // namespace leankv
