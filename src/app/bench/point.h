// What was measured at one point: a cache, a depth, a batch.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace leankv {

struct Spread {
  double median = 0, low = 0, high = 0;  // the quartiles
};
Spread spread_of(std::span<const double> values);  // REQUIRES not empty

// Shares of the time of a measurement; they sum to 1.
struct PhaseShares {
  double linear = 0, append = 0, attention = 0, observation = 0;
  double judgement = 0;  // and reviews
  double rest = 0;       // norms, rotations, embedding, and the gaps between
};

struct PointResult {
  std::string kv;
  int depth = 0, batch = 0;
  std::string skipped;  // why it was not measured; empty: it was
  bool synthetic = false;
  Spread prefill_tok_s;  // tokens of all sequences
  Spread decode_tok_s;
  std::optional<Spread> prompt_tok_s;  // of the whole prompt of `depth` tokens, judgement included
  double bytes_per_step = 0;           // weights, keys and values with their scales
  double gb_s = 0;                     // of decode; 10^9 bytes
  double share_of_peak = 0;            // of the read bandwidth measured in the same run
  double ratio_page_true = 1;          // of a sequence, before decode
  double review_share = 0;             // of decode time
  std::optional<PhaseShares> prompt_phases, prefill_phases, decode_phases;  // with --phases
};

}  // namespace leankv
