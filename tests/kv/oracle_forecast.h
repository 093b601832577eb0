// The forecast policy for one KV head, written as plainly as its formulas and in double: what the engine's choices are
// held against. Uses none of the production code but the numbers of tiers.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace leankv::oracle {

using Row = std::vector<double>;  // [head_dim]

// The raw inputs of one KV head, after RoPE, 1/sqrt(head_dim) not applied.
struct Head {
  std::vector<std::vector<Row>> q;  // [tokens][group][head_dim]
  std::vector<Row> k, v;            // [tokens][head_dim]
};

inline double dot(const Row& a, const Row& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

inline double distance2(const Row& a, const Row& b) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

// Probabilities of one query over tokens [0, n), 0 where not alive. k may be the rows as stored.
inline std::vector<double> attention(const Row& q, const std::vector<Row>& k, const std::vector<char>& alive, int n) {
  std::vector<double> p(n, 0.0);
  double highest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int t = 0; t < n; ++t) highest = std::max(highest, alive[t] ? dot(q, k[t]) : highest);
  const double scale = 1 / std::sqrt(double(q.size()));
  for (int t = 0; t < n; ++t) sum += p[t] = alive[t] ? std::exp((dot(q, k[t]) - highest) * scale) : 0;
  for (double& x : p) x /= sum;
  return p;
}

inline std::vector<double> attention(const Head& head, int query, int g) {
  return attention(head.q[query][g], head.k, std::vector<char>(head.k.size(), 1), query + 1);
}

// A[t]: sum over the group of the mean of a^2 over the queries in [first, last) that could see t; 0 where none could.
inline std::vector<double> significance(const Head& head, int first, int last) {
  std::vector<double> a(head.k.size(), 0.0);
  for (int query = first; query < last; ++query) {
    for (std::size_t g = 0; g < head.q[query].size(); ++g) {
      const std::vector<double> p = attention(head, query, int(g));
      for (std::size_t t = 0; t < p.size(); ++t) a[t] += p[t] * p[t];
    }
  }
  for (int t = 0; t < int(a.size()); ++t) a[t] /= std::max(1, last - std::max(first, t));
  return a;
}

// In levels of 1/64 octave from 2^-56, as they are stored; and the mean that a level stands for.
inline double level_of_mean(double a) { return a > 0 ? std::max(0.0, std::round(64 * (std::log2(a) + 56))) : 0; }
inline double mean_of(double level) { return level > 0 ? std::exp2(level / 64 - 56) : 0; }

// The number of each token that [0, end) queries make: the geometric mean, 2 : 5 : 3, of its significance over all of
// them, over the last `recent` and over the last quarter of these, the latter two not below 2^-9 of the first; in
// levels.
inline std::vector<double> score(const Head& head, int end, int recent) {
  const std::vector<double> all = significance(head, 0, end), wide = significance(head, end - recent, end),
                            near = significance(head, end - recent / 4, end);
  std::vector<double> scores;
  for (std::size_t t = 0; t < all.size(); ++t) {
    const double a = level_of_mean(all[t]), w = level_of_mean(wide[t]), n = level_of_mean(near[t]);
    const double blend = (2 * a + 5 * std::max(w, a - 576) + 3 * std::max(n, a - 576)) / 10;
    scores.push_back(a > 0 ? mean_of(std::floor(blend + 0.5)) : 0);
  }
  return scores;
}

struct Points {
  std::vector<double> x, y;  // log10 past, log10 future
};

// compression.md, forecast: 8 bins of equal count by past, ties by index.
inline Points fit(const std::vector<double>& past, const std::vector<double>& future) {
  std::vector<int> order(past.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return past[a] < past[b]; });
  Points points;
  double highest = 0;
  for (std::size_t bin = 0, i = 0; bin < 8; ++bin) {
    const std::size_t end = i + past.size() / 8 + (bin < past.size() % 8 ? 1 : 0);
    const double count = double(end - i);
    double x = 0, y = 0;
    for (; i < end; ++i) x += past[order[i]] / count, y += future[order[i]] / count;
    highest = std::max(highest, y);
    points.x.push_back(std::log10(x + 1e-14));
    points.y.push_back(std::log10(highest + 1e-14));
  }
  return points;
}

// What a prompt of P >= 2 recent tokens teaches: tokens 4 .. P - recent - 17, their score before the last `recent`
// queries against what these saw.
inline Points fit(const Head& head, int recent) {
  const int n = int(head.k.size());
  const std::vector<double> past = score(head, n - recent, recent), future = significance(head, n - recent, n);
  const int last = n - recent - 16;
  return fit(std::vector<double>(past.begin() + 4, past.begin() + last),
             std::vector<double>(future.begin() + 4, future.begin() + last));
}

inline double importance(const Points& p, double a) {
  const double x = a > 0 ? std::log10(a) : -std::numeric_limits<double>::infinity();
  if (x < p.x.front()) return std::pow(10, p.y.front());
  int j = int(p.x.size()) - 1;
  while (p.x[j] > x) --j;
  if (j + 1 == int(p.x.size())) return std::pow(10, p.y[j] + x - p.x[j]);
  return std::pow(10, p.y[j] + (p.y[j + 1] - p.y[j]) * (x - p.x[j]) / (p.x[j + 1] - p.x[j]));
}

// Numbers of the model that the constants need.
struct Surroundings {
  double output_energy;    // tr(M) / head_dim
  double residual_energy;  // mean ||x||^2 over the last `recent` tokens; w = 1 / this
  double prune_penalty;    // rho
};

// cost[tier] = w (r ek + ev), last rho w r. stored_k, stored_v [tiers][tokens]: the rows as each tier gives them back,
// the first 4 tokens not counted.
inline std::vector<double> costs(const Head& head, const std::vector<std::vector<Row>>& stored_k,
                                 const std::vector<std::vector<Row>>& stored_v, const Surroundings& s, int recent) {
  const int n = int(head.k.size()), group = int(head.q[0].size()), dim = int(head.k[0].size());
  Row mean_out(dim, 0.0);
  double q_energy = 0;
  const double queries = double(recent) * group;
  for (int query = n - recent; query < n; ++query) {
    for (int g = 0; g < group; ++g) {
      const std::vector<double> p = attention(head, query, g);
      for (int t = 0; t <= query; ++t) {
        for (int c = 0; c < dim; ++c) mean_out[c] += p[t] * head.v[t][c] / queries;
      }
      q_energy += dot(head.q[query][g], head.q[query][g]) / dim / queries;  // with 1 / sqrt(dim) included
    }
  }
  double r = 0;
  for (int t = 4; t < n; ++t) r += distance2(head.v[t], mean_out) * s.output_energy / (n - 4);
  std::vector<double> cost;
  for (std::size_t i = 0; i < stored_k.size(); ++i) {
    double ek = 0, ev = 0;
    for (int t = 4; t < n; ++t) {
      ek += distance2(head.k[t], stored_k[i][t]) * q_energy / dim / (n - 4);
      ev += distance2(head.v[t], stored_v[i][t]) * s.output_energy / (n - 4);
    }
    cost.push_back((r * ek + ev) / s.residual_energy);
  }
  cost.push_back(s.prune_penalty * r / s.residual_energy);
  return cost;
}

// argmin over i >= current of cost[i] I + lambda bytes[i], pruned last at 0 bytes; ties to the better.
inline int choose(const std::vector<double>& cost, const std::vector<int>& bytes, double lambda, double imp,
                  int current) {
  int best = current;
  const auto value = [&](int i) { return cost[i] * imp + (i < int(bytes.size()) ? lambda * bytes[i] : 0.0); };
  for (int i = current + 1; i <= int(bytes.size()); ++i) best = value(i) < value(best) ? i : best;
  return best;
}

// One head through prompt and decode. tier[t] in [0, tiers]; tiers = pruned.
struct ForecastHead {
  std::vector<Row> k;  // as attention sees them: a test may write the stored rows here
  std::vector<double> a, count;
  std::vector<int> tier;
  Points points;
  std::vector<double> cost;
  std::vector<int> bytes;

  ForecastHead(const Head& prompt, std::vector<double> scores, Points curve, std::vector<double> costs_of_head,
               std::vector<int> tier_bytes)
      : k(prompt.k),
        a(std::move(scores)),
        tier(prompt.k.size(), 0),
        points(std::move(curve)),
        cost(std::move(costs_of_head)),
        bytes(std::move(tier_bytes)) {
    for (std::size_t t = 0; t < k.size(); ++t) count.push_back(std::min(512.0, double(k.size() - t)));
  }

  void judge(int t, double lambda) { tier[t] = choose(cost, bytes, lambda, importance(points, a[t]), tier[t]); }

  // At the end of the prompt: all but the last `window` tokens.
  void judge_prompt(double lambda, int window) {
    for (int t = 0; t < int(k.size()) - window; ++t) judge(t, lambda);
  }

  // Every 64 steps: what 64 queries have seen.
  void review(double lambda) {
    for (int t = 0; t < int(k.size()); ++t) {
      if (count[t] >= 64) judge(t, lambda);
    }
  }

  // One decode step: the token joins at the best tier, then every living token is observed.
  void step(const std::vector<Row>& q, const Row& key) {
    k.push_back(key), a.push_back(0), count.push_back(0), tier.push_back(0);
    const int n = int(k.size());
    std::vector<double> observed(n, 0.0);
    for (const Row& query : q) {
      const std::vector<double> p = attention(query, k, alive(), n);
      for (int t = 0; t < n; ++t) observed[t] += p[t] * p[t];
    }
    for (int t = 0; t < n; ++t) {
      a[t] += (observed[t] - a[t]) / (count[t] + 1);
      count[t] = std::min(512.0, count[t] + 1);
    }
  }

  std::vector<char> alive() const {
    std::vector<char> lives;
    for (const int i : tier) lives.push_back(i < int(bytes.size()));
    return lives;
  }
};

}  // namespace leankv::oracle
