// What the commands that run a model share: loading it, and saying with what.
#pragma once

#include <memory>

#include "app/options.h"
#include "engine/engine.h"

namespace leankv {

// Chooses the policy, finds the model and loads it with a progress bar; a seed that was not given is drawn and entered
// into the options, so that reports can name it. others: policies that sequences may change to.
std::unique_ptr<Engine> load_engine(AppOptions& options, std::vector<Policy> others = {});

// Model, backend, cache, and what each tier costs: what was resolved from options and defaults.
std::string startup_text(const Engine& engine);

// Callbacks that stream the answer to stdout, draw the prompt's progress and stop at Ctrl-C.
class AnswerPrinter {
 public:
  explicit AnswerPrinter(const AppOptions& options);
  ~AnswerPrinter();
  const GenerationCallbacks& callbacks() const { return callbacks_; }
  void finish();  // ends the last line

 private:
  struct State;
  std::unique_ptr<State> state_;
  GenerationCallbacks callbacks_;
};

}  // namespace leankv
