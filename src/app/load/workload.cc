#include "app/load/workload.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/random.h"

namespace leankv {
namespace {

// Log-normal lengths. Means: ShareGPT as tokenised in "Efficient Memory Management for Large Language Model Serving
// with PagedAttention" (Kwon et al. 2023), figure 11. Limits: what vLLM's benchmark keeps of it, prompts of 4 to 1,024
// tokens, 2,048 together. With a sigma of 1 a hundredth of either lies beyond the limit.
struct LengthModel {
  double mean;
  int least, most;  // tokens
};
constexpr LengthModel kPrompt{161.31, 4, 1024}, kOutput{337.99, 4, 2048};
constexpr double kSigma = 1;

double normal(Random& random) {  // Box and Muller, 1958
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

int length(Random& random, const LengthModel& model) {
  const double drawn = std::exp(std::log(model.mean) - kSigma * kSigma / 2 + kSigma * normal(random));
  return int(std::lround(std::clamp<double>(drawn, model.least, model.most)));
}

}  // namespace

// Every request draws all its numbers, so that to fix one length changes no other.
std::vector<PlannedRequest> plan_workload(const LoadOptions& options) {
  Random random(options.seed);
  std::vector<PlannedRequest> plan;
  double now = 0;
  for (int i = 0; i < options.requests; ++i) {
    const double gap = -std::log(1 - random.uniform());
    if (i > 0 && options.arrivals.rate > 0) now += gap / options.arrivals.rate;
    const int prompt = length(random, kPrompt), output = length(random, kOutput);
    plan.push_back({now, options.prompt_tokens > 0 ? options.prompt_tokens : prompt,
                    options.output_tokens > 0 ? options.output_tokens : output, random.uniform()});
  }
  return plan;
}

}  // namespace leankv
