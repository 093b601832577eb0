// How the attention of a step is cut into pieces of work.
//
// A problem is up to eight queries (decode) or a block of them (prompts) of one entry and KV head. It is split over the
// pages of its head, by the number of those pages alone, so that no result depends on what else is in the batch. The
// host lists the problems, which are the same in every layer; devices count pages and add them up, for all layers at
// once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/cuda/attend_core.cuh"
#include "backend/cuda/step_entry.h"

namespace leankv {

inline constexpr int kPromptQueries = 64;  // of a problem of a prompt
inline constexpr int kMaxSplits = 32;      // of a problem of decode: fills the device at batch 1
inline constexpr int kPagesPerSplit = 16;  // at least: a partial result costs about two pages
inline constexpr int kMaxPromptSplits = 8;
inline constexpr int kPagesPerPromptSplit = 256;

struct Problem {
  int entry;
  int first_query;  // of the entry's rows * group
};

// Problems of a step; each stands for all KV heads.
struct WorkPlan {
  std::vector<Problem> decode, prompt;
};
WorkPlan make_work_plan(std::span<const StepEntry> entries, int group);

LEANKV_HD constexpr int splits_of(uint32_t pages, bool prompt) {
  const int per_split = prompt ? kPagesPerPromptSplit : kPagesPerSplit, most = prompt ? kMaxPromptSplits : kMaxSplits;
  const int splits = int(pages) / per_split;
  return splits < 1 ? 1 : splits < most ? splits : most;
}

// Partial results of a kind of problem, [items of a layer][queries of a problem]: head_dim sums, max, sum each.
struct Partials {
  float *out, *max, *sum;
};

// The kind's problems on the device. splits: sums over [layers, problems, kv_heads] before each, one more at the end.
struct PlanView {
  const Problem* problems;
  int n_problems;
  const uint32_t* splits;
  Partials partials;
};

}  // namespace leankv
