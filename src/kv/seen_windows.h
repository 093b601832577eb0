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

// Of some windows together.
struct SeenMean {
  float sum;
  int queries;
  LEANKV_HD float mean() const { return sum / float(queries > 1 ? queries : 1); }
  LEANKV_HD int level_or(int fallback) const { return queries > 0 ? level_nearest(mean()) : fallback; }
};
LEANKV_HD inline SeenMean seen_in(const TokenSeen& seen, int first, int last, SeenMean before = {0, 0}) {
  for (int w = first; w <= last; ++w) before.sum += seen.sum[w], before.queries += seen.queries[w];
  return before;
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
  constexpr int kLast = kWindows - 1, kJustBefore = kFutureWindow - 1;
  const SeenMean older = seen_in(seen, 0, kJustBefore, {seen.prior_sum, seen.prior_queries});
  const SeenMean recent = seen_in(seen, kFutureWindow, kLast);
  const SeenMean all{older.sum + recent.sum, older.queries + recent.queries};
  const float past = older.mean(), future = recent.mean();
  const int level_all = level_nearest(only_recent ? future : all.mean());
  if (!blended) return {past, future, level_all, all.queries};
  const int level_past = level_nearest(past);
  const int before = seen_in(seen, 1, kJustBefore).level_or(level_past), now = recent.level_or(level_all);
  const int just_before = seen_in(seen, kJustBefore, kJustBefore).level_or(before);
  const int last = seen_in(seen, kLast, kLast).level_or(now);
  return {mean_of_level(blended_level(level_past, before, just_before)), future, blended_level(level_all, now, last),
          all.queries};
}

}  // namespace leankv
