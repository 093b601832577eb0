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

struct PointResult {
  std::string kv;
  int depth = 0, batch = 0;
  std::string skipped;  // why it was not measured; empty: it was
  bool synthetic = false;
  Spread prefill_tok_s;  // tokens of all sequences
  Spread decode_tok_s;
  std::optional<double> prompt_tok_s;  // of the whole prompt of `depth` tokens, judgement included; one run
  double bytes_per_step = 0;           // weights, keys and values with their scales
  double gb_s = 0;                     // of decode; 10^9 bytes
  double share_of_peak = 0;            // of the read bandwidth measured in the same run
  double ratio_page_true = 1;          // of a sequence, before decode
  double review_share = 0;             // of decode time
};

}  // namespace leankv
