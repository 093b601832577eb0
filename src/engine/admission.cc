#include "engine/admission.h"

#include <algorithm>

#include "backend/judgement.h"
#include "engine/pool_size.h"

namespace leankv {
namespace {

constexpr int kRecentRequests = 16;
constexpr double kSizeMargin = 1.1;
// Lengths of answers vary more than bytes per token; an answer that grows longer costs at worst a recomputation.
constexpr double kLengthMargin = 1.5;
constexpr int kEnoughLengths = 8;

void average_in(double& mean, int& count, double value) {
  count = std::min(count + 1, kRecentRequests);
  mean += (value - mean) / count;
}

}  // namespace

void SizeEstimate::learn_size(double pages_per_planned) { average_in(size_, sizes_, pages_per_planned); }
void SizeEstimate::learn_length(int answer_tokens) { average_in(length_, lengths_, answer_tokens); }

double SizeEstimate::pages_per_planned() const { return size_ * kSizeMargin; }
int SizeEstimate::answer_tokens(int at_most) const {
  if (lengths_ < kEnoughLengths) return at_most;
  return int(std::min<double>(at_most, length_ * kLengthMargin + kQueryUnit));
}

SizeEstimate& Admission::estimate_of(const Policy& policy) { return estimates_[describe(policy)]; }

int64_t Admission::capacity_pages() const {
  return int64_t(engine_.cache().ring().capacity()) - engine_.cache().reserve_pages();
}

uint32_t Admission::most_pages(const Request& request, int room) const {
  const int tokens = int(request.prompt.size()) + room;
  const int64_t least = least_bytes(engine_.cache(), request.policy, tokens, engine_.options().chunk);
  const int64_t half = capacity_pages() / 2;
  const bool half_will_do = request.policy.judges() && least <= half * engine_.cache().page_bytes();
  return uint32_t(half_will_do ? half : capacity_pages());
}

int64_t Admission::fresh_pages(TierId tier, int tokens) const {
  const int per_page = engine_.cache().layout(tier).tokens;
  return (int64_t(tokens) + per_page - 1) / per_page * engine_.cache().shape().heads();
}

// From the settings alone: everything at the best tier, or the target's bytes and the tokens between two reviews.
int64_t Admission::planned_pages(const Policy& policy, int prompt_tokens, int tokens) const {
  const KvCache& cache = engine_.cache();
  const int64_t best = fresh_pages(policy.tiers.front(), tokens);
  const int unjudged = first_judgement(policy, prompt_tokens);
  if (!policy.judges() || tokens <= unjudged) return best;
  int64_t bytes = best * cache.page_bytes();
  if (policy.ratio > 0) bytes = int64_t(double(tokens * cache.shape().bytes_per_token_16bit()) / policy.ratio);
  if (policy.budget_bytes > 0) bytes = policy.budget_bytes;
  const int64_t judged = bytes / cache.page_bytes() + fresh_pages(policy.tiers.front(), decode_window(policy));
  const int64_t before = prompt_tokens < unjudged ? fresh_pages(policy.tiers.front(), unjudged) : 0;
  return std::min(best, std::max(judged, before));
}

int64_t Admission::expected_pages(const Choice& choice) const {
  const Work& work = choice.work;
  const int answer = std::max(work.estimate->answer_tokens(work.room), choice.answer.tokens());
  const int64_t planned = planned_pages(work.request.policy, work.prompt_tokens(), work.prompt_tokens() + answer);
  const double pages = double(planned) * (work.request.policy.judges() ? work.estimate->pages_per_planned() : 1);
  return std::min<int64_t>(int64_t(pages), work.most_pages);
}

int64_t Admission::promise(const Choice& choice) const {
  const Work& work = choice.work;
  const int64_t final_pages = std::max<int64_t>(expected_pages(choice), choice.most_pages);
  if (choice.sequence && (choice.reused > 0 || choice.fed() >= work.prompt_tokens())) {
    return std::max<int64_t>(final_pages, engine_.cache().pages_of(choice.sequence->slot()));
  }
  const TierId passing = engine_.prompt_tier(work.request.policy, work.prompt_tokens(), work.most_pages);
  const int64_t prompt = std::min<int64_t>(fresh_pages(passing, work.prompt_tokens()), work.most_pages);
  const int64_t followers = choice.index == 0 ? int64_t(work.followers.size()) : 0;
  return std::max(prompt, final_pages) + followers * final_pages;
}

void Admission::learn(const Choice& choice) {
  if (!choice.sequence || choice.fed() < choice.work.prompt_tokens()) return;
  Work& work = choice.work;
  const int64_t planned = planned_pages(work.request.policy, work.prompt_tokens(), choice.fed());
  work.estimate->learn_size(double(choice.most_pages) / double(planned));
  work.estimate->learn_length(choice.answer.tokens());
}

}  // namespace leankv
