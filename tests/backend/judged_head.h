// One head driven through prompt, judgement, decode and reviews, with every stored row traced back to its token: what
// the tests compare with the oracles of tests/kv.
#pragma once

#include <map>

#include "backend/cache_test_support.h"
#include "backend/judgement.h"
#include "backend/observation.h"
#include "backend/stored_rows.h"
#include "kv/hadamard.h"
#include "kv/oracle_forecast.h"

namespace leankv::testing {

class JudgedHead {
 public:
  static constexpr int kHidden = 4;
  static constexpr double kOutputEnergy = 0.75, kResidualEnergy = 4 * 1.5 * 1.5;  // kHidden channels of 1.5

  struct Token {
    TokenRow row;
    int list = kFreshList;
    uint16_t significance = 0;
    bool pruned = false;
  };

  JudgedHead(const OpsCase& ops, const Policy& policy, int group, int head_dim, unsigned seed)
      : shape_{1, 1, group, head_dim},
        cache_(shape_, policy.tiers, 16 << 20, 1),
        ops_(ops.make(threads_)),
        lease_(*cache_.admit(policy, TierId::kK16V16)),
        random_(seed),
        direction_(random_floats(head_dim, random_)) {
    cache_.keep_positions(slot());
  }

  // Raw rows of both as the oracle takes them: queries rotated as the policy says, keys and values as stored.
  void prompt(int tokens) {
    state().judge_after(tokens);
    for (int done = 0; done < tokens;) {
      const int rows = std::min(1 + int(random_() % 70), tokens - done);
      feed(rows);
      done += rows;
    }
  }
  void feed(int rows) {
    Batch batch;
    batch.add(slot(), std::vector<int>(rows, 0), state().tokens);
    LayerInputs in = structured_inputs(rows);
    const std::vector<float> x(std::size_t(rows) * kHidden, 1.5f);
    gather_residual(cache_, batch, 0, {x.data(), rows, kHidden});
    run_step(cache_, *ops_, batch, in);
    const std::vector<TokenRow> fresh = rows_of(cache_, slot(), 0, kFreshList);
    for (int r = 0; r < rows; ++r) {
      order_.push_back(int(tokens_.size()));
      tokens_.push_back({fresh[fresh.size() - rows + r]});
      oracle_head_.k.push_back(key_of(tokens_.back(), state().list_tier[kFreshList]));
      oracle_head_.v.push_back(value_of(tokens_.back(), state().list_tier[kFreshList]));
      oracle_head_.q.push_back(oracle_queries(in, r));
    }
    read_significance();
  }
  void judge_prompt() {
    const double energy = kOutputEnergy;
    const TierId before = state().list_tier[kFreshList];
    judge(cache_, threads_, {slot(), {&energy, 1}});
    trace(before);
  }
  bool review_if_due() {
    if (!review_due(state())) return false;
    const TierId before = state().list_tier[kFreshList];
    review(cache_, threads_, slot(), kNoLimit);
    trace(before);
    return true;
  }

  const oracle::Head& oracle_head() const { return oracle_head_; }
  const std::vector<Token>& tokens() const { return tokens_; }
  const KvCache& cache() const { return cache_; }
  SequenceState& state() { return cache_.state(slot()); }
  SlotId slot() const { return lease_.slot(); }
  // The rows of all prompt tokens as tier i would give them back.
  std::vector<oracle::Row> keys_at(TierId id) const { return rows_at(id, &JudgedHead::key_of); }
  std::vector<oracle::Row> values_at(TierId id) const { return rows_at(id, &JudgedHead::value_of); }
  oracle::Row stored_key(int token) const {
    return key_of(tokens_[token], cache_.state(slot()).list_tier[tokens_[token].list]);
  }
  std::vector<int> bytes() const {
    std::vector<int> bytes;
    for (const TierId id : cache_.state(slot()).policy.tiers) bytes.push_back(bytes_per_token(id, shape_.head_dim));
    return bytes;
  }

 private:
  // Keys lean on one direction, each by its own share, and queries ask for it: attention spreads over many octaves.
  LayerInputs structured_inputs(int rows) {
    LayerInputs in = random_inputs(shape_, rows, random_);
    const int head_dim = shape_.head_dim;
    for (int r = 0; r < rows; ++r) {
      const float share = float(int(random_() % 1000)) / 1000 - 0.5f;
      for (int c = 0; c < head_dim; ++c) {
        float& key = in.k[std::size_t(r) * head_dim + c];
        key = half_to_float(float_to_half(0.4f * key + share * direction_[c]));
        for (int g = 0; g < shape_.group; ++g)
          in.q[(std::size_t(r) * shape_.group + g) * head_dim + c] += direction_[c];
      }
    }
    return in;
  }
  std::vector<oracle::Row> oracle_queries(const LayerInputs& in, int row) const {
    std::vector<oracle::Row> queries;
    for (int g = 0; g < shape_.group; ++g) {
      const auto first = in.q.begin() + (std::ptrdiff_t(row) * shape_.group + g) * shape_.head_dim;
      std::vector<float> q(first, first + shape_.head_dim);
      if (cache_.state(slot()).policy.rotate) hadamard(q.data(), shape_.head_dim);
      queries.emplace_back(q.begin(), q.end());
    }
    return queries;
  }
  static oracle::Row key_of(const Token& token, TierId id) {
    const std::vector<float> x = decoded(tier(id).key, token.row.key);
    return {x.begin(), x.end()};
  }
  static oracle::Row value_of(const Token& token, TierId id) {
    const std::vector<float> x = decoded(tier(id).value, token.row.value);
    return {x.begin(), x.end()};
  }
  std::vector<oracle::Row> rows_at(TierId id, oracle::Row (*row_of)(const Token&, TierId)) const {
    std::vector<oracle::Row> rows;
    for (const Token& token : tokens_) rows.push_back(row_of({recoded(TierId::kK16V16, id, token.row)}, id));
    return rows;
  }

  // Finds every stored row's token again, by the bytes that its lowering must have given.
  void trace(TierId fresh_before) {
    const std::vector<TierId>& tiers = state().list_tier;
    std::vector<Token> after = tokens_;
    std::vector<int> order;
    for (Token& token : after) token.pruned = true;
    const auto found = [&](int token, int list, const TokenRow& row) {
      LEANKV_CHECK(after[token].pruned);
      after[token] = {row, list, 0, false};
      order.push_back(token);
    };
    for (int list = 1; list < state().lists(); ++list) {
      std::multimap<TokenRow, int> candidates;
      for (int t = 0; t < int(tokens_.size()); ++t) {
        const Token& token = tokens_[t];
        if (token.pruned || token.list > list) continue;
        const TierId from = token.list == kFreshList ? fresh_before : tiers[token.list];
        candidates.emplace(recoded(from, tiers[list], token.row), t);
      }
      for (const TokenRow& row : rows_of(cache_, slot(), 0, list)) {
        const auto at = candidates.find(row);
        LEANKV_CHECK(at != candidates.end());
        found(at->second, list, row);
        candidates.erase(at);
      }
    }
    const std::vector<TokenRow> fresh = rows_of(cache_, slot(), 0, kFreshList);
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      const int token = int(tokens_.size() - fresh.size() + i);
      LEANKV_CHECK(fresh[i] == recoded(fresh_before, tiers[kFreshList], tokens_[token].row));
      found(token, kFreshList, fresh[i]);
    }
    tokens_ = std::move(after), order_ = std::move(order);
    read_significance();
  }
  // As the cache itself has noted them, in the order of its tokens' numbers.
  std::vector<int> positions() {
    std::vector<int> all;
    for (int i = 1; i <= kMaxLists; ++i) {
      const std::vector<int>& list = state().positions[0][i % kMaxLists];
      all.insert(all.end(), list.begin(), list.end());
    }
    return all;
  }
  void read_significance() {
    const std::vector<StoredToken> stored = stored_tokens(cache_, slot(), 0, 0);
    LEANKV_CHECK(stored.size() == order_.size());
    LEANKV_CHECK(positions() == order_);
    for (std::size_t i = 0; i < order_.size(); ++i) tokens_[order_[i]].significance = stored[i].significance;
  }

  CacheShape shape_;
  ThreadPool threads_{2};
  KvCache cache_;
  std::unique_ptr<CacheOps> ops_;
  SequenceCache lease_;
  std::mt19937 random_;
  std::vector<float> direction_;
  oracle::Head oracle_head_;
  std::vector<Token> tokens_;  // by number in the sequence
  std::vector<int> order_;     // tokens in the order in which the cache numbers them
};

}  // namespace leankv::testing
