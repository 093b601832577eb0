// The engine: a model, a backend and a cache, and the step that they make together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "backend/cache_usage.h"
#include "engine/logits.h"
#include "engine/options.h"
#include "engine/sequence.h"
#include "model/tokenizer.h"
#include "model/transformer.h"

namespace leankv {

// New tokens of one sequence in a step.
struct StepInput {
  Sequence* sequence;
  std::span<const int> tokens;
  int wanted_logits = 1;  // of the last so many of the tokens
};

// Owns everything but the sequences; used from one thread.
class Engine {
 public:
  // Throws Error for a file or options that cannot be served.
  explicit Engine(const EngineOptions& options, const Progress& loading = {});
  // The same with a file that is at hand, whatever options.model_path says.
  Engine(const EngineOptions& options, std::unique_ptr<GgufFile> file, const Progress& loading = {});
  ~Engine();

  const EngineOptions& options() const { return options_; }
  const GgufFile& file() const { return *file_; }
  const ModelConfig& config() const { return config_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ModelWeights& weights() const { return weights_; }
  ThreadPool& threads() { return *backend_.threads; }
  Backend& backend() { return backend_; }
  KvCache& cache() { return *cache_; }
  const KvCache& cache() const { return *cache_; }
  int context() const { return context_; }
  // Goes on with another cache of the same shape and hands back the one it had; a sequence may only be used while its
  // own cache is in place.
  std::unique_ptr<KvCache> exchange_cache(std::unique_ptr<KvCache> cache) {
    cache_.swap(cache);
    return cache;
  }

  // A sequence for a prompt of so many tokens and up to max_new_tokens more. Throws kBadRequest when that exceeds the
  // context, kDoesNotFit when the pool can never hold it (both numbers in the message); none when no slot is free now.
  // most_pages: see Sequence.
  std::optional<Sequence> start(const Policy& policy, int prompt_tokens, int max_new_tokens,
                                std::optional<uint32_t> most_pages = {});
  // Throws what start() throws.
  void check_fits(const Policy& policy, int prompt_tokens, int max_new_tokens) const;
  // The tier at which the tokens of a prompt are stored until it is judged, when it may hold so many pages.
  TierId prompt_tier(const Policy& policy, int prompt_tokens, int64_t room_pages) const;
  // The same sequence once more, with pages of its own; none when there is no slot or no room for them.
  std::optional<Sequence> copy(const Sequence& sequence);

  // Feeds tokens in chunks, judging and reviewing on the way, and returns the logits after the last one, or those of
  // the last `wanted_logits` tokens (these in one chunk).
  // None when the pool is exhausted: the tokens from sequence.tokens.size() on were not fed, nothing else is lost.
  // progress gets the share of tokens fed; returning false stops after the chunk (result: none).
  using FeedProgress = std::function<bool(double done)>;
  std::optional<Logits> feed(Sequence& sequence, std::span<const int> tokens, const FeedProgress& progress = {},
                             int wanted_logits = 1);

  // One step over several sequences, the lowest level: no judgement, no review. None when the pool is exhausted.
  // Logits are those wanted, in the order of the inputs. A sequence may be judged only at the end of a step: while it
  // is gathering, a step past tokens_to_judgement() (texts that are only scored) is its last, neither settle() nor
  // feed() may follow.
  std::optional<Logits> step(std::span<const StepInput> inputs);
  // Tokens until the first judgement of a sequence, or the next early one; none when it is not gathering.
  std::optional<int> tokens_to_judgement(const Sequence& sequence) const;
  // Makes sure, before a step, that a sequence may hold `tokens` more, and, before the first judgement, that the next
  // tokens_after (in decode: the next token) will be welcome, too: plans an early judgement, or reviews before it is
  // time. True when it may hold them; whether the pool has the pages is for step() to say.
  bool make_room(Sequence& sequence, int tokens, int tokens_after);
  // What follows a step: the judgement or review that is due for a sequence. REQUIRES that no step passed its judgement
  // and, where settle_due, cache().can_judge(): true after a step, for the first sequence that is settled.
  void settle(Sequence& sequence);
  bool settle_due(const Sequence& sequence) const;

  CacheUsage usage(const Sequence& sequence) const { return usage_of(*cache_, sequence.slot()); }

 private:
  int64_t room_pages(const Sequence& sequence) const;
  bool uniform_due(const Sequence& sequence) const;
  int next_chunk(const Sequence& sequence, int left) const;
  int64_t limit_bytes(const Sequence& sequence, int64_t free_tokens) const;

  EngineOptions options_;
  std::unique_ptr<GgufFile> file_;
  ModelConfig config_;
  std::unique_ptr<Tokenizer> tokenizer_;
  Backend backend_;
  ModelWeights weights_;
  std::unique_ptr<Transformer> transformer_;
  std::unique_ptr<KvCache> cache_;
  int context_ = 0;
};

}  // namespace leankv
