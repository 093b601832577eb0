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

// Pages lie anywhere, so nothing but the code knows which comes next. On entering a page for its keys or its values,
// the same side of a page kSideBytes further on is called for, so that memory works all the time. Behind a run's last
// page come its first values or the next run's first keys. Neighbours in memory, which the hardware reads ahead of in
// one stream, are called for whole with their keys, kWholeBytes ahead.
inline constexpr int kSideBytes = 8192, kWholeBytes = 4096;

// g++ 12 takes a function that does nothing but prefetch for one without effect and drops its calls: hence the asm.
inline void call_for(const std::byte* page, int first, int last) {
  for (int b = first; b < last; b += kPageAlignment) __builtin_prefetch(page + b);
  asm volatile("");
}

inline bool follows_its_neighbour(const TokenRun& run, int page) {
  if (page == 0) return false;
  const std::ptrdiff_t step = run.pages.data()[page] - run.pages.data()[page - 1];
  return step == run.layout->page_bytes || step == -run.layout->page_bytes;
}

inline void call_for_side(const TokenRun& run, int page, bool keys) {
  if (follows_its_neighbour(run, page)) return;
  const PageLayout& p = *run.layout;
  const std::byte* bytes = run.pages.data()[page];
  if (!keys) return call_for(bytes, p.value_codes, p.key_scales);
  call_for(bytes, p.key_codes, p.value_codes);
  call_for(bytes, p.key_scales, p.used_bytes);
}

// On entering a page of the run for its keys, or for its values.
inline void call_ahead(const TokenRun& run, int page, bool keys) {
  const int pages = int(run.pages.size()), all = pages + run.pages_behind, bytes = run.layout->page_bytes;
  const int whole = page + 1 + kWholeBytes / bytes, side = page + 1 + kSideBytes / bytes;
  if (keys && whole < all && follows_its_neighbour(run, whole)) {
    call_for(run.pages.data()[whole], 0, run.layout->used_bytes);
  }
  if (side < pages) return call_for_side(run, side, keys);
  if (keys && side - pages < pages) return call_for_side(run, side - pages, false);
  if (!keys && side < all) call_for_side(run, side, true);
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
