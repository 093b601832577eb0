#include "app/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>

#include "app/byte_size.h"
#include "app/calibrate/find_calibration.h"
#include "app/interrupt.h"
#include "app/model_path.h"
#include "app/option_values.h"
#include "app/policy_choice.h"
#include "app/progress_bar.h"
#include "app/tier_table.h"
#include "base/cores.h"
#include "base/error.h"

namespace leankv {
namespace {

uint64_t random_seed() { return std::random_device{}(); }

std::string backend_line(const EngineOptions& o) {
  const int cores = int(usable_cores().size());
  const std::string isa = o.backend == "cpu" ? " " + std::string(isa_name(o.isa.value_or(best_isa()))) : "";
  return fmt::format("backend  {}{}, {} threads, activations {}\n", o.backend, isa, o.threads > 0 ? o.threads : cores,
                     activations_name(o.activations));
}

// Where no policy learns from its prompts, no calibration is of use.
std::string prior_line(const EngineOptions& o) {
  const auto forecasts = [](const Policy& p) { return p.kind == PolicyKind::kForecast; };
  if (!forecasts(o.policy) && std::ranges::none_of(o.other_policies, forecasts)) return "";
  const std::string& origin = o.calibration.origin;
  return fmt::format("prior    {}\n", origin.empty() ? "none: leankv calibrate makes one of this model" : origin);
}

}  // namespace

std::unique_ptr<Engine> load_engine(AppOptions& options, std::vector<Policy> others) {
  options.engine.policy = choose_policy(options.kv);
  options.engine.other_policies = std::move(others);
  options.engine.model_path = resolve_model(options);
  use_calibration(options);
  if (!options.seed_given) options.generation.sampling.seed = random_seed();
  ProgressBar bar("loading", options.progress && stderr_is_terminal());
  return std::make_unique<Engine>(options.engine, [&](double done) { bar.update(done); });
}

std::string startup_text(const Engine& engine) {
  const ModelConfig& c = engine.config();
  const KvCache& cache = engine.cache();
  const std::string file = std::filesystem::path(engine.file().name()).filename();
  return fmt::format("model    {} ({} {}): {} layers, {} heads, {} KV heads of {} channels, context {}\n", file,
                     c.architecture.name, format_bytes(double(engine.file().size_bytes())), c.layers, c.heads,
                     c.kv_heads, c.head_dim, engine.context()) +
         backend_line(engine.options()) +
         fmt::format("cache    {}; pool {}, pages of {} bytes\n", describe(engine.options().policy),
                     format_bytes(double(cache.pool_bytes())), cache.page_bytes()) +
         prior_line(engine.options()) + pool_table(cache);
}

struct AnswerPrinter::State {
  explicit State(bool bar_shown) : bar("prompt", bar_shown) {}
  ProgressBar bar;
  bool at_line_start = true;
};

AnswerPrinter::AnswerPrinter(const AppOptions& options)
    : state_(std::make_unique<State>(options.progress && stderr_is_terminal())) {
  State* state = state_.get();
  callbacks_.prefill = [state](double done) { done < 1 ? state->bar.update(done) : state->bar.clear(); };
  callbacks_.should_stop = interrupted;
  callbacks_.text = [state](std::string_view text) {
    state->bar.clear();
    state->at_line_start = text.ends_with('\n');
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (std::fflush(stdout) != 0) throw Error(ErrorKind::kBadFile, "stdout cannot be written");
  };
}

AnswerPrinter::~AnswerPrinter() = default;

void AnswerPrinter::finish() {
  state_->bar.clear();
  if (!state_->at_line_start) std::fputs("\n", stdout);
  std::fflush(stdout);
  state_->at_line_start = true;
}

}  // namespace leankv
