// Runs of the engine that quality is read from.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/eval/rows.h"
#include "app/eval/scores.h"
#include "app/eval/segments.h"
#include "base/isa.h"
#include "engine/engine.h"

namespace leankv {

struct EvalSettings {
  std::string model_path;
  int threads = 0;         // 0: one per core
  std::optional<Isa> isa;  // empty: the best this machine has
  int chunk = kDefaultChunk;
  int64_t pool_bytes = 0;  // of rows whose policy judges; 0: ample
  SegmentShape shape;
  Calibration calibration;
};

// Bytes of a pool that holds so many tokens so many times at 16 bits, and every open page beside.
int64_t ample_pool_bytes(const ModelConfig& config, int tokens, int times);

// An engine whose pool is, unless the settings say otherwise, never short for one segment, so that only the row's own
// target compresses.
Engine make_engine(const EvalSettings& settings, const EvalRow& row);

struct SegmentRun {
  CacheUsage usage;  // right after the prompt's judgement; shape.decode: at the end
  int vocabulary = 0;
  std::vector<float> logits;  // [score_tokens, vocabulary] of the tokens after the prompt
  ConstMatrix view() const { return {logits.data(), int(logits.size() / std::size_t(vocabulary)), vocabulary}; }
};

// Feeds the prompt, which the policy judges at its end, then score_tokens tokens: in one step that is not judged, so
// that they stay at the policy's best tier, or with shape.decode a review interval at a time, each followed by its
// review. A step of several tokens is observed, judged and counted as so many steps of one.
SegmentRun run_segment(Engine& engine, const Policy& policy, const TextSegment& segment, const SegmentShape& shape);

using EvalProgress = std::function<void(const std::string& line)>;

// Every row against `off` at reference_activations, on every segment. The result has the order of rows.
std::vector<RowSummary> measure_rows(const EvalSettings& settings, const std::vector<EvalRow>& rows,
                                     const std::vector<TextSegment>& segments, Activations reference_activations,
                                     const EvalProgress& progress);

// Perplexity of the first shape.length() tokens of a text: those after the prompt and its successor are scored.
double measure_perplexity(const EvalSettings& settings, const EvalRow& row, const TextSegment& segment);

}  // namespace leankv
