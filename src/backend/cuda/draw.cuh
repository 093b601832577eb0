// The choice of tokens from rows of logits: what backend/token_draw.cc does with sorted candidates, without sorting.
//
// Filters and the draw itself ask the same question: which candidate, best first, brings the weights to a rank? The
// keys of logits (draw_rules.h) are integers, so it is answered digit by digit: weights are added up by the digit of
// their keys, the digit in which the rank falls is kept, and so on. Whole numbers: no order of sums matters.
#pragma once

#include "backend/cuda/gather.cuh"
#include "backend/draw_rules.h"

namespace leankv {

struct DeviceDraw {
  int row;                // of the logits
  int first_edit, edits;  // of all edits
  int64_t first_mask;     // word of all masks; negative: every token may come
  DrawRule rule;
};

// Grid: draws.
struct DrawKernel {
  static constexpr int kThreads = 512;
  static constexpr int kDigits = 3, kDigitBits = 11, kBins = 1 << kDigitBits;  // the last digit has 10 bits
  struct Params {
    RowsView logits;
    int vocabulary;
    const DeviceDraw* draws;
    const LogitEdit* edits;
    const uint64_t* masks;
    uint32_t* keys;  // [draws, vocabulary] scratch
    int* tokens;     // [draws]
  };
  struct Shared {
    uint64_t bins[kBins];
    BlockSums<uint64_t, kThreads> sums;
    BlockMax<uint32_t, kThreads> best;
    uint32_t digit;
    uint64_t rank;
    int token;
  };

  // A candidate: all up to it, best first, are kept.
  struct Cut {
    uint32_t key;
    int token;
    LEANKV_HD bool keeps(uint32_t k, int t) const { return k > key || (k == key && t <= token); }
  };

  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const DrawRule rule = p.draws[block.index()].rule;
    const uint32_t* keys = write_keys(block, p);
    const uint32_t best_key = largest(block, keys, p.vocabulary);
    Cut cut{1, p.vocabulary};
    if (best_key > 0 && rule.temperature == 0) {
      cut = {best_key, nth_equal(block, keys, p.vocabulary, cut, best_key, 1)};
    } else if (best_key > 0) {
      cut = draw(block, keys, p.vocabulary, rule, logit_of(best_key), cut);
    }
    if (block.thread() == 0) p.tokens[block.index()] = best_key > 0 ? cut.token : -1;
  }

  template <class Block>
  LEANKV_HD static Cut draw(Block& block, const uint32_t* keys, int vocabulary, const DrawRule& rule, float best,
                            Cut cut) {
    if (rule.top_k > 0) {
      cut = select(
          block, keys, vocabulary, cut, [](uint32_t) { return uint64_t(1); },
          [&](uint64_t sum) { return rank_of_count(sum, rule.top_k); });
    }
    if (rule.top_p < 1) {
      cut = select(
          block, keys, vocabulary, cut, [&](uint32_t key) { return draw_weight(logit_of(key), best, 1.0); },
          [&](uint64_t sum) { return rank_of_share(sum, rule.top_p); });
    }
    return select(
        block, keys, vocabulary, cut, [&](uint32_t key) { return draw_weight(logit_of(key), best, rule); },
        [&](uint64_t sum) { return rank_of_draw(sum, rule.random); });
  }

  template <class Block>
  LEANKV_HD static const uint32_t* write_keys(Block& block, const Params& p) {
    const DeviceDraw& draw = p.draws[block.index()];
    const float* logits = p.logits.row(draw.row);
    const uint64_t* mask = draw.first_mask < 0 ? nullptr : p.masks + draw.first_mask;
    uint32_t* keys = p.keys + std::size_t(block.index()) * std::size_t(p.vocabulary);
    const auto allowed = [&](int t) { return mask == nullptr || (mask[t / 64] >> t % 64 & 1) != 0; };
    for (int t = block.thread(); t < p.vocabulary; t += kThreads) keys[t] = allowed(t) ? key_of(logits[t]) : 0;
    block.sync();
    for (int i = block.thread(); i < draw.edits; i += kThreads) {
      const LogitEdit& edit = p.edits[draw.first_edit + i];
      if (allowed(edit.token)) keys[edit.token] = key_of(edited(logits[edit.token], edit));
    }
    block.sync();
    return keys;
  }

  template <class Block>
  LEANKV_HD static uint32_t largest(Block& block, const uint32_t* keys, int vocabulary) {
    uint32_t mine = 0;
    for (int t = block.thread(); t < vocabulary; t += kThreads) mine = Largest{}(mine, keys[t]);
    return block.template shared<Shared>().best.max(block, mine);
  }

  // Of the candidates that `from` keeps, the first one at which the weights come to the rank that rank_of names for
  // their sum. REQUIRES one with a weight.
  template <class Block, class Weight, class Rank>
  LEANKV_HD static Cut select(Block& block, const uint32_t* keys, int vocabulary, Cut from, Weight weight,
                              Rank rank_of) {
    auto& shared = block.template shared<Shared>();
    uint32_t prefix = 0;
    uint64_t rank = 0;
    for (int digit = 0, shift = 32; digit < kDigits; ++digit) {
      const int above = shift;  // bits of the digits that are known lie from here on
      shift = shift > kDigitBits ? shift - kDigitBits : 0;
      const uint32_t digit_mask = (1u << (above - shift)) - 1;
      for (int i = block.thread(); i < kBins; i += kThreads) shared.bins[i] = 0;
      block.sync();
      for (int t = block.thread(); t < vocabulary; t += kThreads) {
        const uint32_t key = keys[t];
        if (!from.keeps(key, t) || (digit > 0 && key >> above != prefix)) continue;
        block.add_atomically(&shared.bins[key >> shift & digit_mask], weight(key));
      }
      block.sync();
      find_digit(block, shared, digit == 0, rank, rank_of);
      block.sync();
      prefix = prefix << (above - shift) | shared.digit, rank = shared.rank;
    }
    const uint64_t each = weight(prefix);
    return {prefix, nth_equal(block, keys, vocabulary, from, prefix, (rank + each - 1) / each)};
  }

  // The digit in which the rank falls, and the rank within it. Digits from the highest on; a thread has a few.
  template <class Block, class Rank>
  LEANKV_HD static void find_digit(Block& block, Shared& shared, bool first, uint64_t rank, Rank rank_of) {
    constexpr int kEach = kBins / kThreads;
    const int top = kBins - 1 - block.thread() * kEach;
    uint64_t mine = 0, all;
    for (int i = 0; i < kEach; ++i) mine += shared.bins[top - i];
    uint64_t before = shared.sums.exclusive(block, mine, &all);
    if (first) rank = rank_of(all);
    for (int i = 0; i < kEach; ++i) {
      const uint64_t here = shared.bins[top - i];
      if (before < rank && rank <= before + here) shared.digit = uint32_t(top - i), shared.rank = rank - before;
      before += here;
    }
  }

  // The n-th token, from 1, with this key among those that are kept. A thread looks at tokens that follow each other.
  template <class Block>
  LEANKV_HD static int nth_equal(Block& block, const uint32_t* keys, int vocabulary, Cut from, uint32_t key,
                                 uint64_t n) {
    auto& shared = block.template shared<Shared>();
    const int each = (vocabulary + kThreads - 1) / kThreads, first = block.thread() * each;
    const int end = first + each < vocabulary ? first + each : vocabulary;
    uint64_t mine = 0, all;
    for (int t = first; t < end; ++t) mine += keys[t] == key && from.keeps(key, t);
    uint64_t before = shared.sums.exclusive(block, mine, &all);
    for (int t = first; t < end && before < n && n <= before + mine; ++t) {
      if (keys[t] == key && from.keeps(key, t) && ++before == n) shared.token = t;
    }
    block.sync();
    return shared.token;
  }
};

}  // namespace leankv
