// The curves of a model, from a text.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/engine.h"

namespace leankv {

// The mean of the curves that prompts of so many tokens teach, cut from the text one after the other, what is left over
// not counted [layers, kv_heads]. Logarithms are averaged: the mean of the numbers would be that of the few prompts
// where a head is at its busiest. REQUIRES an engine without a prior whose pool and context hold such a prompt, and a
// text of at least one.
struct LearnedCurves {
  std::vector<Curve> mean;
  int prompts = 0;
};
LearnedCurves learn_curves(Engine& engine, std::span<const int> text, int prompt_tokens,
                           const std::function<void(double done)>& progress);

}  // namespace leankv
