// The paper's policy for one KV head (LeanKV v3 section 4, with one definition of significance for prompt and decode),
// plainly and in double: what the engine's choices are held against.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kv/oracle_forecast.h"

namespace leankv::oracle {

// sig[t]: mean of max over the group of a, over those of the last min(64, P) queries that could see t.
inline std::vector<double> paper_significance(const Head& head) {
  const int n = int(head.k.size()), rows = std::min(64, n);
  std::vector<double> sig(n, 0.0);
  for (int query = n - rows; query < n; ++query) {
    std::vector<double> highest(query + 1, 0.0);
    for (std::size_t g = 0; g < head.q[query].size(); ++g) {
      const std::vector<double> p = attention(head, query, int(g));
      for (int t = 0; t <= query; ++t) highest[t] = std::max(highest[t], p[t]);
    }
    for (int t = 0; t <= query; ++t) sig[t] += highest[t];
  }
  for (int t = 0; t < n; ++t) sig[t] /= std::min(n - t, rows);
  return sig;
}

// alpha[i] of tier i, best first: the first alpha_high, the last alpha_low, geometric between.
inline std::vector<double> paper_alphas(int tiers, double alpha_high, double alpha_low) {
  if (tiers == 1) return {alpha_low};
  std::vector<double> alphas;
  for (int i = 0; i < tiers; ++i) {
    const double share = double(i) / (tiers - 1);
    alphas.push_back(i == 0           ? alpha_high
                     : i + 1 == tiers ? alpha_low
                                      : std::pow(alpha_high, 1 - share) * std::pow(alpha_low, share));
  }
  return alphas;
}

// The best tier i >= current with sig >= alpha[i] / tokens; alphas.size(): pruned.
inline int paper_choose(const std::vector<double>& alphas, double sig, double tokens, int current) {
  int i = current;
  while (i < int(alphas.size()) && sig < alphas[i] / tokens) ++i;
  return i;
}

// One head through prompt and decode. tier[t] in [0, tiers]; tiers = pruned.
struct PaperHead {
  std::vector<Row> k;  // as attention sees them: a test may write the stored rows here
  std::vector<double> sig, count;
  std::vector<int> tier;
  std::vector<double> alphas;

  PaperHead(const Head& prompt, std::vector<double> alphas_by_tier)
      : k(prompt.k), sig(paper_significance(prompt)), tier(prompt.k.size(), 0), alphas(std::move(alphas_by_tier)) {
    for (std::size_t t = 0; t < k.size(); ++t) count.push_back(std::min(64.0, double(k.size() - t)));
  }

  void judge(int t) { tier[t] = paper_choose(alphas, sig[t], double(k.size()), tier[t]); }

  // At the end of the prompt: all but the last `window` tokens.
  void judge_prompt(int window = 64) {
    for (int t = 0; t < int(k.size()) - window; ++t) judge(t);
  }

  // Every 64 steps: what 64 queries have seen, with the thresholds of the length it has now.
  void review() {
    for (int t = 0; t < int(k.size()); ++t) {
      if (count[t] >= 64) judge(t);
    }
  }

  // One decode step: the token joins at the best tier, then every living token is observed.
  void step(const std::vector<Row>& q, const Row& key) {
    k.push_back(key), sig.push_back(0), count.push_back(0), tier.push_back(0);
    const int n = int(k.size());
    std::vector<double> observed(n, 0.0);
    for (const Row& query : q) {
      const std::vector<double> p = attention(query, k, alive(), n);
      for (int t = 0; t < n; ++t) observed[t] = std::max(observed[t], p[t]);
    }
    for (int t = 0; t < n; ++t) {
      sig[t] += (observed[t] - sig[t]) / (count[t] + 1);
      count[t] = std::min(512.0, count[t] + 1);
    }
  }

  std::vector<char> alive() const {
    std::vector<char> lives;
    for (const int i : tier) lives.push_back(i < int(alphas.size()));
    return lives;
  }
};

}  // namespace leankv::oracle
