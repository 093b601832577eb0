// What a cache should hold, kept token by token in a map, and random work that is done to both. Stops the process where
// the cache differs: shared by kv_cache_test.cc and the fuzz target.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "backend/append.h"
#include "backend/judgement.h"
#include "backend/observation.h"
#include "backend/row_transform.h"
#include "backend/stored_rows.h"
#include "base/error.h"
#include "base/half.h"

namespace leankv::testing {

// One head of one sequence: its living tokens by number.
class HeadModel {
 public:
  void append(int token, TokenRow row) { tokens_[token] = {kFreshList, std::move(row)}; }

  // The cache holds exactly this.
  void check(const KvCache& cache, SlotId slot, int index) const {
    for (int list = 0; list < cache.state(slot).lists(); ++list) {
      std::vector<TokenRow> expected, actual = rows_of(cache, slot, index, list);
      for (const auto& [token, entry] : tokens_) {
        if (entry.list == list) expected.push_back(entry.row);
      }
      if (list != kFreshList) std::ranges::sort(expected), std::ranges::sort(actual);
      LEANKV_CHECK(expected == actual);
    }
  }

  // After a judgement: every row of the cache must be a token of this model, where it was or lowered to the row's tier;
  // what is in no list is pruned. fresh_before: the fresh list's tier until now.
  void follow(const KvCache& cache, SlotId slot, int index, TierId fresh_before) {
    const SequenceState& state = cache.state(slot);
    std::map<int, Entry> after;
    const std::vector<TokenRow> fresh = rows_of(cache, slot, index, kFreshList);
    for (int i = 0; i < int(fresh.size()); ++i) {
      const int token = state.tokens - int(fresh.size()) + i;
      const auto found = tokens_.find(token);
      LEANKV_CHECK(found != tokens_.end() && found->second.list == kFreshList);
      LEANKV_CHECK(recoded(fresh_before, state.list_tier[kFreshList], found->second.row) == fresh[i]);
      after[token] = {kFreshList, fresh[i]};
      tokens_.erase(found);
    }
    for (int list = 1; list < state.lists(); ++list) follow_list(cache, slot, index, list, fresh_before, after);
    tokens_ = std::move(after);
  }

 private:
  struct Entry {
    int list = 0;
    TokenRow row;
  };
  void follow_list(const KvCache& cache, SlotId slot, int index, int list, TierId fresh_before,
                   std::map<int, Entry>& after) {
    const SequenceState& state = cache.state(slot);
    std::multimap<TokenRow, int> candidates;
    for (const auto& [token, entry] : tokens_) {
      const TierId from = entry.list == kFreshList ? fresh_before : state.list_tier[entry.list];
      if (entry.list <= list) candidates.emplace(recoded(from, state.list_tier[list], entry.row), token);
    }
    for (const TokenRow& row : rows_of(cache, slot, index, list)) {
      const auto found = candidates.find(row);
      LEANKV_CHECK(found != candidates.end());
      after[found->second] = {list, row};
      tokens_.erase(found->second);
      candidates.erase(found);
    }
  }

  std::map<int, Entry> tokens_;
};

// Random work on a small cache and its model. `next(n)` gives a number in [0, n).
template <class Next>
class KvCacheExercise {
 public:
  static constexpr int kSlots = 3, kHidden = 4;

  KvCacheExercise(CacheShape shape, Next& next)
      : next_(next), threads_(1), cache_(shape, kAllTiers, pool_bytes(shape), kSlots), energy_(shape.heads(), 0.5) {}

  void step() {
    switch (next_(8)) {
      case 0:
        admit();
        break;
      case 1:
        drop();
        break;
      case 2:
        judge_or_review();
        break;
      case 3:
        copy();
        break;
      default:
        feed();
    }
    check();
  }
  void drop_all() { sequences_.clear(); }
  const KvCache& cache() const { return cache_; }
  int judgements() const { return judgements_; }

 private:
  static constexpr TierId kAllTiers[] = {TierId::kK16V16, TierId::kK8V8,      TierId::kK4V4,
                                         TierId::kK3V2,   TierId::kPaperK8V4, TierId::kPaperK4V2};
  struct SequenceModel {
    SequenceCache lease;
    std::vector<HeadModel> heads;
    bool yielded = false;  // to be dropped, because its judgement found the reserve used up
  };

  // The reserve (kv_cache.h) and room for a few hundred tokens, so that extend fails now and then.
  static int64_t pool_bytes(CacheShape shape) {
    const int64_t page = choose_page_bytes(kAllTiers, shape.head_dim);
    return page * (KvCache::reserve_pages(shape) + 40 * shape.heads());
  }

  Policy random_policy() {
    Policy policy = off_policy();
    const int kind = next_(4);
    if (kind == 1) policy = uniform_policy(TierId::kK4V4);
    if (kind == 2) policy = forecast_policy(1 + next_(8)), policy.minimum_tokens = 44;
    if (kind == 3) policy = paper_policy(), policy.alpha_low = 0.1 * next_(8);
    policy.recent = 16;
    policy.window = next_(17);
    policy.sample_interval = 1 + next_(4);
    policy.review_interval = 4 * policy.sample_interval;
    return policy;
  }

  void admit() {
    const Policy policy = random_policy();
    const TierId fresh = next_(2) == 0 ? TierId::kK16V16 : policy.tiers.front();
    std::optional<SequenceCache> lease = cache_.admit(policy, fresh);
    LEANKV_CHECK(lease.has_value() == (sequences_.size() < kSlots));
    if (!lease) return;
    if (policy.judges()) cache_.state(lease->slot()).judge_after(first_judgement(policy, 1 + next_(80)));
    sequences_.push_back({std::move(*lease), std::vector<HeadModel>(cache_.shape().heads())});
  }

  void drop() {
    if (!sequences_.empty()) sequences_.erase(sequences_.begin() + next_(int(sequences_.size())));
  }

  void copy() {
    if (sequences_.empty()) return;
    const SequenceModel& original = sequences_[next_(int(sequences_.size()))];
    const uint32_t used = cache_.used_pages(), pages = cache_.pages_of(original.lease.slot());
    const bool fits = pages <= cache_.appendable_pages() && sequences_.size() < kSlots;
    std::optional<SequenceCache> lease = cache_.copy(original.lease.slot());
    LEANKV_CHECK(lease.has_value() == fits);
    LEANKV_CHECK(cache_.used_pages() == used + (fits ? pages : 0));
    if (lease) sequences_.push_back({std::move(*lease), original.heads});
  }

  // A step of some of the sequences together.
  void feed() {
    Batch batch;
    std::vector<SequenceModel*> fed;
    for (SequenceModel& sequence : sequences_) {
      const SequenceState& state = cache_.state(sequence.lease.slot());
      const int most = state.gathering() ? state.judge_at - state.tokens : 24;
      const int rows = std::min(most, next_(3) == 0 ? 1 : next_(24));
      if (rows == 0) continue;
      batch.add(sequence.lease.slot(), std::vector<int>(rows, 0), state.tokens);
      fed.push_back(&sequence);
    }
    const uint32_t used = cache_.used_pages();
    if (!cache_.extend(batch.entries)) {
      LEANKV_CHECK(cache_.used_pages() == used);
      return;
    }
    const CacheShape& shape = cache_.shape();
    for (int layer = 0; layer < shape.layers; ++layer) {
      const std::vector<float> x = random_rows(batch.rows(), kHidden);
      gather_residual(cache_, batch, layer, {x.data(), batch.rows(), kHidden});
      for (std::size_t i = 0; i < fed.size(); ++i) {
        for (int h = 0; h < shape.kv_heads; ++h) feed_head(*fed[i], batch.entries[i], layer, h);
      }
    }
    for (SequenceModel* sequence : fed) judge_where_due(*sequence);
    std::erase_if(sequences_, [](const SequenceModel& s) { return s.yielded; });
  }

  void feed_head(SequenceModel& sequence, const BatchEntry& entry, int layer, int h) {
    const int head_dim = cache_.shape().head_dim, index = layer * cache_.shape().kv_heads + h;
    const std::vector<float> k = random_rows(entry.rows, head_dim), v = random_rows(entry.rows, head_dim);
    append_head(cache_, entry, layer, h, {k.data(), entry.rows, head_dim}, {v.data(), entry.rows, head_dim});
    const SequenceState& state = cache_.state(entry.slot);
    const Tier& fresh = tier(state.list_tier[kFreshList]);
    std::vector<float> mean;
    for (const uint16_t half : state.memory[index].key_mean) mean.push_back(half_to_float(half));
    for (int r = 0; r < entry.rows; ++r) {
      std::vector<float> key(k.begin() + r * head_dim, k.begin() + (r + 1) * head_dim);
      std::vector<float> value(v.begin() + r * head_dim, v.begin() + (r + 1) * head_dim);
      transform_key(kScalarRowCodec, state.policy, mean, head_dim, key.data());
      transform_value(kScalarRowCodec, state.policy, head_dim, value.data());
      sequence.heads[index].append(entry.position + r, {encoded(fresh.key, key), encoded(fresh.value, value)});
    }
    observe(entry, layer, h);
  }

  // Invented attention: from nothing to nearly all, in the shares that a step's rows may have.
  void observe(const BatchEntry& entry, int layer, int h) {
    Observation seen;
    for (int r = 0; r < entry.rows; ++r) {
      const int window = observation_of(cache_.state(entry.slot), entry.position + r);
      if (window == kNotObserved) continue;
      std::vector<float>& sums = seen.seen[window];
      sums.resize(cache_.head(entry.slot, layer, h).total_tokens());
      for (float& sum : sums) sum += std::exp2(-float(random_() % 24));
    }
    record(cache_, entry, layer, h, {&seen, 1});
    const int columns = cache_.shape().group * cache_.shape().head_dim;
    const std::vector<float> q = random_rows(entry.rows, columns), out = random_rows(entry.rows, columns);
    gather_outputs(cache_, entry, layer, h, {q.data(), entry.rows, columns}, {out.data(), entry.rows, columns});
  }

  void judge_where_due(SequenceModel& sequence) {
    const SequenceState& state = cache_.state(sequence.lease.slot());
    if (!state.gathering() || state.tokens != state.judge_at) return;
    sequence.yielded = !cache_.can_judge();
    if (!sequence.yielded) run_judgement(sequence, next_(2) == 0);
  }

  void judge_or_review() {
    if (sequences_.empty()) return;
    SequenceModel& sequence = sequences_[next_(int(sequences_.size()))];
    SequenceState& state = cache_.state(sequence.lease.slot());
    if (state.policy.kind == PolicyKind::kOff || state.tokens == 0 || !cache_.can_judge()) return;
    if (state.gathering()) {  // before its time, as when memory is short: after the next few tokens
      const int early = state.tokens + 1 + next_(8);
      if (early >= least_judgeable(state.policy)) state.judge_after(std::min(early, state.judge_at));
      return;
    }
    run_judgement(sequence, next_(2) == 0);
  }

  void run_judgement(SequenceModel& sequence, bool more_to_come) {
    const SlotId slot = sequence.lease.slot();
    SequenceState& state = cache_.state(slot);
    const TierId fresh_before = state.list_tier[kFreshList];
    const int64_t limit = next_(2) == 0 ? kNoLimit : int64_t(next_(200)) * cache_.page_bytes();
    if (state.gathering() || !state.policy.judges()) {
      judge(cache_, threads_, {slot, energy_, limit, more_to_come ? Gathering::kContinue : Gathering::kEnd});
      if (state.gathering()) state.judge_after(first_judgement(state.policy, state.tokens + 1 + next_(40)));
    } else {
      review(cache_, threads_, slot, limit);
    }
    ++judgements_;
    for (int i = 0; i < cache_.shape().heads(); ++i) sequence.heads[i].follow(cache_, slot, i, fresh_before);
  }

  void check() const {
    cache_.check_integrity();
    for (const SequenceModel& sequence : sequences_) {
      for (int i = 0; i < cache_.shape().heads(); ++i) sequence.heads[i].check(cache_, sequence.lease.slot(), i);
    }
  }

  std::vector<float> random_rows(int rows, int columns) {
    std::normal_distribution<float> normal;
    std::vector<float> x(std::size_t(rows) * columns);
    for (float& value : x) value = normal(random_);
    return x;
  }

  Next& next_;
  std::mt19937 random_{7};
  ThreadPool threads_;
  KvCache cache_;
  std::vector<double> energy_;
  std::vector<SequenceModel> sequences_;
  int judgements_ = 0;
};

}  // namespace leankv::testing
