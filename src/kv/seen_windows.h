// What the queries of a prompt saw of one token, by how long before the judgement they came, and the one number that
// is made of it (docs/compression.md, significance). For host and device alike: levels are integers, so both find the
// same numbers.
#pragma once

#include "kv/significance_rules.h"

namespace leankv {

// Five windows of queries up to the judgement at `end`, r = the queries that stand for the future:
//   0 older | 1, 2 the r before those of the future | 3, 4 the last r; 2 and 4 are the last quarter of each r.
inline constexpr int kWindows = 5;
inline constexpr int kFutureWindow = 3;             // the first of the queries that stand for the future
inline constexpr int kDecodeWindow = kWindows - 1;  // where decode puts what it observes

struct QueryWindows {
  int from[kWindows] = {};  // position of the first query of each; empty windows share theirs with the next

  LEANKV_HD int recent_from() const { return from[kFutureWindow]; }
  LEANKV_HD int of(int position) const {
    int w = kWindows - 1;
    while (w > 0 && position < from[w]) --w;
    return w;
  }
  // Queries of a window that came at `since` or later.
  LEANKV_HD int queries(int w, int since, int end) const {
    const int last = w + 1 < kWindows ? from[w + 1] : end, first = from[w] > since ? from[w] : since;
    return last > first ? last - first : 0;
  }
  // Whether there are recent queries both before those of the future and among them, so that the two compare.
  LEANKV_HD bool complete(int end) const {
    for (int w = 1; w + 1 < kWindows; ++w) {
      if (from[w + 1] <= from[w]) return false;
    }
    return end > from[kWindows - 1];
  }
};

// Sums and numbers of queries of one token; prior: what an earlier judgement left of those before it.
struct TokenSeen {
  float sum[kWindows] = {};
  int queries[kWindows] = {};
  float prior_sum = 0;
  int prior_queries = 0;
};

// A number of a token for the curve's past, its future, and what is stored.
struct TokenScore {
  float past, future;
  int level, queries;
};

// Mean of some windows; the fallback where no query of theirs saw the token.
LEANKV_HD inline int level_of_windows(const TokenSeen& seen, int first, int last, int fallback) {
  float sum = 0;
  int queries = 0;
  for (int w = first; w <= last; ++w) sum += seen.sum[w], queries += seen.queries[w];
  return queries > 0 ? level_nearest(sum / float(queries)) : fallback;
}

// Geometric mean of the attention of all queries, of the last r and of the last r / 4, weighted 2 : 5 : 3. A token that
// the recent ones did not see at all is not forgotten: their share is bounded from below, 9 octaves under that of all.
LEANKV_HD inline int blended_level(int all, int recent, int last) {
  constexpr int kFloor = 9 * kLevelsPerOctave;
  const int r = recent > all - kFloor ? recent : all - kFloor, l = last > all - kFloor ? last : all - kFloor;
  return all == 0 ? 0 : (2 * all + 5 * r + 3 * l + 5) / 10;
}

// blended: windows.complete(); else the plain mean over all queries. only_recent: of the paper's policy, what is stored
// is the mean over the recent queries.
LEANKV_HD inline TokenScore score_of(const TokenSeen& seen, bool blended, bool only_recent) {
  float older = seen.prior_sum, recent = 0;
  int n_older = seen.prior_queries, n_recent = 0;
  for (int w = 0; w < kFutureWindow; ++w) older += seen.sum[w], n_older += seen.queries[w];
  for (int w = kFutureWindow; w < kWindows; ++w) recent += seen.sum[w], n_recent += seen.queries[w];
  const int n = n_older + n_recent;
  const float past = older / float(n_older > 1 ? n_older : 1), future = recent / float(n_recent > 1 ? n_recent : 1);
  const float all = only_recent ? future : (older + recent) / float(n > 1 ? n : 1);
  if (!blended) return {past, future, level_nearest(all), n};
  const int level_past = level_nearest(past), level_all = level_nearest(all);
  const int before = level_of_windows(seen, 1, 2, level_past), now = level_of_windows(seen, 3, 4, level_all);
  const int just_before = level_of_windows(seen, 2, 2, before), last = level_of_windows(seen, 4, 4, now);
  return {mean_of_level(blended_level(level_past, before, just_before)), future, blended_level(level_all, now, last),
          n};
}

}  // namespace leankv
