#include "app/bench/lane.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "app/bench/synthetic.h"
#include "base/error.h"

namespace leankv {
namespace {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

[[noreturn]] void fail_to_fit(const Lane& lane) {
  throw Error(ErrorKind::kDoesNotFit, "bench: the pool of " + std::to_string(lane.plan().pool_bytes) +
                                          " bytes for --kv " + lane.what().name +
                                          " is too small; measure fewer --depths or --batches at once");
}

CacheShape shape_of(const ModelConfig& c) { return {c.layers, c.kv_heads, c.group(), c.head_dim}; }

// Codes and scales of every token, page by page; significance is read by one step in eight only.
int64_t bytes_read_of(const CacheUsage& usage, int head_dim) {
  int64_t bytes = 0;
  for (const Tier& t : kTiers) {
    bytes += usage.tiers[std::size_t(t.id)].tokens * (bytes_per_token(t.id, head_dim) - kSignificanceBytes);
  }
  return bytes;
}

}  // namespace

// While it lives, the engine computes with the lane's cache.
class Lane::InPlace {
 public:
  explicit InPlace(Lane& lane) : lane_(lane) { exchange(); }
  InPlace(const InPlace&) = delete;
  InPlace& operator=(const InPlace&) = delete;
  ~InPlace() { exchange(); }

 private:
  void exchange() { lane_.cache_ = lane_.engine_.exchange_cache(std::move(lane_.cache_)); }
  Lane& lane_;
};

Lane::Lane(Engine& engine, const BenchCase& what, const CasePlan& plan, const DepthNeed& need)
    : engine_(engine), what_(what), plan_(plan), need_(need) {
  cache_ = std::make_unique<KvCache>(shape_of(engine.config()), what.policy.tiers, plan.pool_bytes, plan.most() + 1);
  const int pages = int(cache_->ring().capacity());
  constexpr int kPages = 1024;  // of one task
  engine.threads().run((pages + kPages - 1) / kPages, [&](int task, int) {
    for (int i = task * kPages; i < std::min(pages, (task + 1) * kPages); ++i) {
      std::memset(cache_->page(PageId(i)), 0, std::size_t(cache_->page_bytes()));
    }
  });
}

double Lane::fill(std::span<const int> tokens) {
  const InPlace in_place(*this);
  const Stopwatch watch;
  filled_ = engine_.start(what_.policy, int(tokens.size()), 1);
  if (!filled_ || !engine_.feed(*filled_, tokens)) fail_to_fit(*this);
  return watch.seconds();
}

void Lane::fill_from(std::span<const std::vector<double>> shares) {
  std::optional<SequenceCache> lease = cache_->admit(what_.policy, what_.policy.tiers.front());
  if (!lease || !fill_synthetic(*cache_, lease->slot(), need_.depth, shares)) fail_to_fit(*this);
  filled_ = Sequence(std::move(*lease));
  filled_->prompt_tokens = need_.depth;
  filled_->tokens.assign(std::size_t(need_.depth), 0);
}

Sequence Lane::another(int prompt_tokens) {
  if (!filled_) {
    std::optional<Sequence> fresh = engine_.start(what_.policy, prompt_tokens, 1);
    if (!fresh) fail_to_fit(*this);
    return std::move(*fresh);
  }
  std::optional<SequenceCache> lease = engine_.cache().copy(filled_->slot());
  if (!lease) fail_to_fit(*this);
  Sequence sequence(std::move(*lease));
  sequence.tokens = filled_->tokens;
  sequence.prompt_tokens = filled_->prompt_tokens;
  return sequence;
}

// The same tokens in every sequence.
void Lane::step(std::span<Sequence> sequences, std::span<const int> tokens) {
  std::vector<StepInput> inputs;
  for (Sequence& s : sequences) inputs.push_back({&s, tokens});
  if (!engine_.step(inputs)) fail_to_fit(*this);
}

double Lane::prefill(int batch, std::span<const int> tokens) {
  const InPlace in_place(*this);
  std::vector<Sequence> sequences;
  for (int i = 0; i < batch; ++i) sequences.push_back(another(int(tokens.size())));
  const Stopwatch watch;
  while (!tokens.empty()) {
    const std::size_t left = tokens.size();
    const int to_judgement = engine_.tokens_to_judgement(sequences.front()).value_or(int(left));
    const std::span<const int> now = tokens.first(std::min(left, std::size_t(to_judgement)));
    step(sequences, now);
    for (Sequence& s : sequences) engine_.settle(s);
    tokens = tokens.subspan(now.size());
  }
  return watch.seconds();
}

void Lane::begin_decode(int batch, std::span<const int> tokens) {
  const InPlace in_place(*this);
  LEANKV_CHECK(copies_.empty());
  for (int i = 0; i < batch; ++i) copies_.push_back(another(1));
  decode_tokens_ = tokens;
  reviews_ = {};
}

double Lane::decode(int steps) {
  const InPlace in_place(*this);
  double seconds = 0;
  for (int i = 0; i < steps; ++i) {
    const Stopwatch watch;
    step(copies_, decode_tokens_.first(1));
    decode_tokens_ = decode_tokens_.subspan(1);
    seconds += watch.seconds();
    for (Sequence& sequence : copies_) {
      const int before = engine_.cache().state(sequence.slot()).last_review;
      const Stopwatch review;
      engine_.settle(sequence);
      if (engine_.cache().state(sequence.slot()).last_review == before) continue;
      reviews_.seconds += review.seconds();
      ++reviews_.reviews;
    }
  }
  return seconds / steps;
}

CacheUsage Lane::usage() const { return filled_ ? usage_of(*cache_, filled_->slot()) : CacheUsage(); }

int64_t Lane::bytes_read() const {
  int64_t bytes = 0;
  for (const Sequence& s : copies_) bytes += bytes_read_of(usage_of(*cache_, s.slot()), cache_->shape().head_dim);
  return bytes;
}

}  // namespace leankv
