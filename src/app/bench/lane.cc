#include "app/bench/lane.h"

#include <algorithm>
#include <cstring>

#include "app/bench/synthetic.h"
#include "base/error.h"
#include "engine/stopwatch.h"

namespace leankv {
namespace {

[[noreturn]] void fail_to_fit(const Lane& lane) {
  throw Error(ErrorKind::kDoesNotFit, "bench: the pool of " + std::to_string(lane.plan().pool_bytes) +
                                          " bytes for --kv " + lane.what().name +
                                          " is too small; measure fewer --depths or --batches at once");
}

// The best token of each row, as an answer would have it: what is queued on a device is done when they are here.
void draw_best(const Logits& logits) {
  std::vector<TokenDraw> draws(std::size_t(logits.rows()));
  for (int row = 0; row < logits.rows(); ++row) draws[std::size_t(row)].row = row;
  std::vector<int> tokens(draws.size());
  logits.draw(draws, tokens);
}

CacheShape shape_of(const ModelConfig& c) { return {c.layers, c.kv_heads, c.group(), c.head_dim}; }

}  // namespace

// Page by page; significance is read by one step in eight only.
int64_t bytes_read_of(const CacheUsage& usage, int head_dim) {
  int64_t bytes = 0;
  for (const Tier& t : kTiers) {
    bytes += usage.tiers[std::size_t(t.id)].tokens * (bytes_per_token(t.id, head_dim) - kSignificanceBytes);
  }
  return bytes;
}

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

PhaseShares LaneTime::shares() const {
  const auto of = [&](Phase phase) { return phase_seconds[std::size_t(phase)]; };
  const double all = seconds();
  PhaseShares s;
  s.linear = of(Phase::kLinear) / all;
  s.append = of(Phase::kAppend) / all;
  s.observation = of(Phase::kObservation) / all;
  s.attention = of(Phase::kAttention) / all - s.observation;  // which happens inside
  s.judgement = settle_seconds / all;
  s.rest = 1 - s.linear - s.append - s.observation - s.attention - s.judgement;
  return s;
}

LaneTime& LaneTime::operator+=(const LaneTime& other) {
  step_seconds += other.step_seconds;
  settle_seconds += other.settle_seconds;
  reviews += other.reviews;
  for (std::size_t i = 0; i < phase_seconds.size(); ++i) phase_seconds[i] += other.phase_seconds[i];
  return *this;
}

Lane::Lane(Engine& engine, const BenchCase& what, const CasePlan& plan, const DepthNeed& need, PhaseTimer* timer)
    : engine_(engine), what_(what), plan_(plan), need_(need), timer_(timer) {
  cache_ = std::make_unique<KvCache>(shape_of(engine.config()), what.policy.tiers, plan.pool_bytes, plan.most() + 1,
                                     engine.backend().cache->make_keeper(), std::vector<Curve>{},
                                     engine.backend().cache->row_codec());
  if (cache_->keeper() != nullptr) return;  // the device's own memory is there at once
  const int pages = int(cache_->ring().capacity());
  constexpr int kPages = 1024;  // of one task
  engine.threads().run((pages + kPages - 1) / kPages, [&](int task, int) {
    for (int i = task * kPages; i < std::min(pages, (task + 1) * kPages); ++i) {
      std::memset(cache_->page(PageId(i)), 0, std::size_t(cache_->page_bytes()));
    }
  });
}

void Lane::begin_timing() const {
  if (timer_ != nullptr) timer_->reset();
}

void Lane::end_timing(LaneTime& time) const {
  if (timer_ == nullptr) return;
  for (std::size_t i = 0; i < time.phase_seconds.size(); ++i) time.phase_seconds[i] = timer_->seconds(Phase(i));
  time.phase_seconds[std::size_t(Phase::kObservation)] /= timer_->threads();  // noted by all of them
}

LaneTime Lane::fill(std::span<const int> tokens) {
  const InPlace in_place(*this);
  filled_.reset();
  filled_ = engine_.start(what_.policy, int(tokens.size()), 1);
  if (!filled_) fail_to_fit(*this);
  LaneTime time;
  begin_timing();
  feed({&*filled_, 1}, tokens, time);
  end_timing(time);
  return time;
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
  // No less than it can use: what the others leave would have to be asked for, and a device be waited for, at each
  // review.
  sequence.most_pages = engine_.cache().ring().capacity() - engine_.cache().reserve_pages();
  return sequence;
}

// The same tokens in every sequence, and what follows a step.
void Lane::step(std::span<Sequence> sequences, std::span<const int> tokens, int wanted_logits, LaneTime& time) {
  std::vector<StepInput> inputs;
  for (Sequence& s : sequences) inputs.push_back({&s, tokens, wanted_logits});
  const Stopwatch watch;
  const std::optional<Logits> logits = engine_.step(inputs);
  if (!logits) fail_to_fit(*this);
  time.step_seconds += watch.ms() / 1000;
  for (Sequence& s : sequences) {
    const int before = engine_.cache().state(s.slot()).last_review;
    const Stopwatch settling;
    engine_.settle(s);
    time.settle_seconds += settling.ms() / 1000;
    time.reviews += engine_.cache().state(s.slot()).last_review != before;
  }
  const Stopwatch drawing;
  draw_best(*logits);
  time.step_seconds += drawing.ms() / 1000;
}

LaneTime Lane::prefill(int batch, std::span<const int> tokens) {
  const InPlace in_place(*this);
  std::vector<Sequence> sequences;
  for (int i = 0; i < batch; ++i) sequences.push_back(another(int(tokens.size())));
  LaneTime time;
  begin_timing();
  feed(sequences, tokens, time);
  end_timing(time);
  return time;
}

// In steps that end where the sequences, which are all alike, are judged.
void Lane::feed(std::span<Sequence> sequences, std::span<const int> tokens, LaneTime& time) {
  const int chunk = std::max(1, engine_.options().chunk / int(sequences.size()));
  while (!tokens.empty()) {
    const int left = int(tokens.size());
    const int n = std::min({left, chunk, engine_.tokens_to_judgement(sequences.front()).value_or(left)});
    step(sequences, tokens.first(std::size_t(n)), n == left ? 1 : 0, time);
    tokens = tokens.subspan(std::size_t(n));
  }
}

void Lane::begin_decode(int batch, std::span<const int> tokens) {
  const InPlace in_place(*this);
  LEANKV_CHECK(copies_.empty());
  for (int i = 0; i < batch; ++i) copies_.push_back(another(1));
  decode_tokens_ = tokens;
}

LaneTime Lane::decode(int steps) {
  const InPlace in_place(*this);
  LaneTime time;
  begin_timing();
  for (int i = 0; i < steps; ++i, decode_tokens_ = decode_tokens_.subspan(1)) {
    step(copies_, decode_tokens_.first(1), 1, time);
  }
  end_timing(time);
  return time;
}

CacheUsage Lane::usage() const { return filled_ ? usage_of(*cache_, filled_->slot()) : CacheUsage(); }

int64_t Lane::bytes_read() const {
  int64_t bytes = 0;
  for (const Sequence& s : copies_) bytes += bytes_read_of(usage_of(*cache_, s.slot()), cache_->shape().head_dim);
  return bytes;
}

}  // namespace leankv
