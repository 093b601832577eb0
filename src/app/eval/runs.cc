#include "app/eval/runs.h"

#include <algorithm>
#include <cstdio>
#include <span>

#include "app/eval/metrics.h"
#include "base/error.h"

namespace leankv {
namespace {

// Logits of references that are held at once: 256 positions of a 49,152-token vocabulary take 50 MB.
constexpr int64_t kReferenceBytes = int64_t(1) << 30;

std::size_t segments_at_once(const EvalSettings& settings) {
  const int64_t vocabulary = read_config(GgufFile(settings.model_path)).vocabulary;
  const int64_t bytes = int64_t(settings.shape.score_tokens) * vocabulary * int64_t(sizeof(float));
  return std::size_t(std::max<int64_t>(1, kReferenceBytes / bytes));
}

std::span<const int> truth_of(const TextSegment& segment, const SegmentShape& shape) {
  return std::span(segment.tokens).last(std::size_t(shape.score_tokens));
}

std::string progress_line(const TextSegment& segment, const EvalRow& row, const SegmentScore& score) {
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, "%.2fx page-true, kld %.5f", double(score.bytes_16bit) / double(score.bytes),
                mean(score.kld));
  std::string name = row.name;
  if (row.ratio_target) name += " to " + std::to_string(*row.ratio_target).substr(0, 4) + "x";
  return "segment at " + std::to_string(segment.start) + ", " + name + ": " + numbers;
}

// A pool that the user made too small for the prompt or for the scored tokens, which come in one step.
void check_fits(bool fits, const Engine& engine) {
  if (fits) return;
  throw Error(ErrorKind::kDoesNotFit, "a segment does not fit into a pool of " +
                                          std::to_string(engine.cache().pool_bytes()) +
                                          " bytes: raise --kv-cache-memory-bytes or score fewer tokens");
}

// One step of tokens whose logits all count.
void force(Engine& engine, Sequence& sequence, std::span<const int> tokens, bool judged, SegmentRun& run) {
  if (judged) check_fits(engine.make_room(sequence, int(tokens.size()), 1), engine);
  const StepInput forced{&sequence, tokens, int(tokens.size())};
  const std::optional<Logits> logits = engine.step({&forced, 1});
  check_fits(logits.has_value(), engine);
  const ConstMatrix rows = logits->on_host();
  for (int i = 0; i < rows.rows; ++i) {
    const std::span<const float> row = rows.row_span(i);
    run.logits.insert(run.logits.end(), row.begin(), row.end());
  }
  if (judged) engine.settle(sequence);
}

// One pass over some segments: all references first, then every row, an engine for each set of rows that share one.
class Pass {
 public:
  Pass(const EvalSettings& settings, const std::vector<EvalRow>& rows, std::span<const TextSegment> segments,
       const EvalProgress& progress)
      : settings_(settings), rows_(rows), segments_(segments), progress_(progress) {}

  void run(Activations reference_activations, std::vector<std::vector<SegmentScore>>& scores) {
    make_references(reference_activations);
    std::vector<bool> done(rows_.size(), false);
    for (std::size_t first = 0; first < rows_.size(); ++first) {
      if (done[first]) continue;
      Engine engine = make_engine(settings_, rows_[first]);
      for (std::size_t r = first; r < rows_.size(); ++r) {
        if (done[r] || !rows_[r].same_engine(rows_[first])) continue;
        score_row(engine, rows_[r], scores[r]);
        done[r] = true;
      }
    }
  }

 private:
  void make_references(Activations activations) {
    const EvalRow off{"off", std::nullopt, off_policy(), activations};
    Engine engine = make_engine(settings_, off);
    for (const TextSegment& segment : segments_) {
      references_.emplace_back(run_segment(engine, off.policy, segment, settings_.shape).view());
      progress_("segment at " + std::to_string(segment.start) + ", reference");
    }
  }

  void score_row(Engine& engine, const EvalRow& row, std::vector<SegmentScore>& scores) {
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      const SegmentRun run = run_segment(engine, row.policy, segments_[i], settings_.shape);
      SegmentScore score = score_segment(references_[i], run.view(), truth_of(segments_[i], settings_.shape));
      score.start = segments_[i].start;
      score.bytes_16bit = run.usage.bytes_16bit;
      score.bytes = run.usage.bytes();
      progress_(progress_line(segments_[i], row, score));
      scores.push_back(std::move(score));
    }
  }

  const EvalSettings& settings_;
  const std::vector<EvalRow>& rows_;
  std::span<const TextSegment> segments_;
  const EvalProgress& progress_;
  std::vector<Reference> references_;
};

}  // namespace

int64_t ample_pool_bytes(const ModelConfig& config, int tokens, int times) {
  constexpr int64_t kOpenPages = 64 << 20;  // a page per list and head, and the cache's reserve
  return int64_t(times) * tokens * config.layers * config.kv_heads * config.head_dim * 4 + kOpenPages;
}

// Twice: as the prompt passes, and what page sizes that suit another tier waste of it.
Engine make_engine(const EvalSettings& settings, const EvalRow& row) {
  EngineOptions options;
  options.model_path = settings.model_path;
  options.threads = settings.threads;
  options.isa = settings.isa;
  options.activations = row.activations;
  options.context = settings.shape.length();
  options.chunk = settings.chunk;
  options.pool_bytes = ample_pool_bytes(read_config(GgufFile(settings.model_path)), settings.shape.length(), 2);
  if (settings.pool_bytes > 0 && row.policy.judges()) options.pool_bytes = settings.pool_bytes;
  options.policy = row.policy;
  options.calibration = settings.calibration;
  return Engine(options);
}

SegmentRun run_segment(Engine& engine, const Policy& policy, const TextSegment& segment, const SegmentShape& shape) {
  const std::span<const int> tokens(segment.tokens);
  std::optional<Sequence> sequence = engine.start(policy, shape.prompt_tokens, shape.score_tokens);
  LEANKV_CHECK(sequence.has_value());
  check_fits(engine.feed(*sequence, tokens.first(std::size_t(shape.prompt_tokens))).has_value(), engine);
  SegmentRun run{engine.usage(*sequence), engine.config().vocabulary, {}};
  const int step = shape.decode && policy.judges() ? policy.review_interval : shape.score_tokens;
  for (int done = 0; done < shape.score_tokens; done += step) {
    const int n = std::min(step, shape.score_tokens - done);
    force(engine, *sequence, tokens.subspan(std::size_t(shape.prompt_tokens + done), std::size_t(n)), shape.decode,
          run);
  }
  if (shape.decode) run.usage = engine.usage(*sequence);
  return run;
}

std::vector<RowSummary> measure_rows(const EvalSettings& settings, const std::vector<EvalRow>& rows,
                                     const std::vector<TextSegment>& segments, Activations reference_activations,
                                     const EvalProgress& progress) {
  std::vector<std::vector<SegmentScore>> scores(rows.size());
  const std::size_t at_once = segments_at_once(settings);
  for (std::size_t first = 0; first < segments.size(); first += at_once) {
    const std::size_t n = std::min(at_once, segments.size() - first);
    Pass(settings, rows, std::span(segments).subspan(first, n), progress).run(reference_activations, scores);
  }
  std::vector<RowSummary> summaries;
  for (std::size_t r = 0; r < rows.size(); ++r) summaries.push_back(summarise(rows[r], scores[r]));
  return summaries;
}

double measure_perplexity(const EvalSettings& settings, const EvalRow& row, const TextSegment& segment) {
  Engine engine = make_engine(settings, row);
  const SegmentRun run = run_segment(engine, row.policy, segment, settings.shape);
  const ConstMatrix logits = run.view();
  const std::span<const int> truth = truth_of(segment, settings.shape);
  double nll = 0;
  for (int i = 0; i < logits.rows; ++i) nll -= distribution_of(logits.row_span(i)).log_prob(truth[std::size_t(i)]);
  return perplexity(nll, logits.rows);
}

}  // namespace leankv
