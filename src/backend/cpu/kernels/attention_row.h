// Attention of one row: the queries of a group against runs of pages, straight on the stored codes.
//
// Integer codecs: logit = unit(q) scale(t) sum over c of q16[c] (code[t, c] - centre), the query as 16-bit integers in
// two int8 halves, so that a byte of codes meets a byte of the query in one dot product; rounding the query to 2^-15 of
// its largest channel is far below what the codes themselves round. Values likewise, with weights exp(logit) scale(t)
// as 15-bit integers. Halves are multiplied as f32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kv/page_layout.h"

namespace leankv {

// Some pages of one list of one head, full but for the last.
struct TokenRun {
  const PageLayout* layout = nullptr;
  std::span<const std::byte* const> pages;
  int tokens = 0;
  int pages_behind = 0;  // pointers that follow those of `pages`: of the runs that come next
};

// Pages lie anywhere, so nothing but the code knows which comes next. On entering a page for its keys, a whole one
// further on is called for, at least so many bytes ahead.
inline constexpr int kPrefetchBytes = 4096;
inline void prefetch_ahead(const TokenRun& run, int page) {
  const int ahead = page + 1 + kPrefetchBytes / run.layout->page_bytes;
  if (ahead >= int(run.pages.size()) + run.pages_behind) return;
  const std::byte* bytes = run.pages.data()[ahead];
  for (int b = 0; b < run.layout->page_bytes; b += kPageAlignment) __builtin_prefetch(bytes + b);
}

// Logits and weights are computed in whole batches of so many tokens: rows of them have room for a multiple of it.
inline constexpr int kBatchTokens = 32;
inline constexpr int kMaxRunTokens = 1024;  // REQUIRED of every run
constexpr int whole_batches(int tokens) { return (tokens + kBatchTokens - 1) / kBatchTokens * kBatchTokens; }

inline constexpr int kQueryCodesPerChannel = 2 * 8;  // bytes: high and low halves, repeated for the 8 tokens of a tile

// The group's queries of one row, transformed and scaled by 1/sqrt(head_dim); a view.
struct GroupQueries {
  int count = 0;
  const float* floats = nullptr;  // [count, head_dim]
  const int8_t* codes = nullptr;  // [count, high and low, head_dim / 4, 8, 4]
  const float* unit = nullptr;    // [count] value of one step of the codes
  const int32_t* sum = nullptr;   // [count] of the codes
};

// Whether key_logits and sum_values read this codec; those with a scale for each 32 channels are decoded to f32.
constexpr bool reads_codes_directly(CodecId id) { return codec(id).group == 0; }

}  // namespace leankv
