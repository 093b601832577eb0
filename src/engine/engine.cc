#include "engine/engine.h"

#include <algorithm>
#include <set>

#include "backend/judgement.h"
#include "base/error.h"
#include "engine/backends.h"
#include "engine/pool_size.h"
#include "model/vocabulary.h"

namespace leankv {
namespace {

CacheShape shape_of(const ModelConfig& c) { return {c.layers, c.kv_heads, c.group(), c.head_dim}; }

std::vector<TierId> tiers_of(const EngineOptions& options) {
  std::set<TierId> tiers(options.policy.tiers.begin(), options.policy.tiers.end());
  for (const Policy& policy : options.other_policies) tiers.insert(policy.tiers.begin(), policy.tiers.end());
  return {tiers.begin(), tiers.end()};
}

void check_options(const EngineOptions& options) {
  if (options.chunk < kSmallestChunk) {
    throw Error(ErrorKind::kBadOption,
                "--chunk " + std::to_string(options.chunk) + ": at least " + std::to_string(kSmallestChunk));
  }
  if (options.context < 0) throw Error(ErrorKind::kBadOption, "--ctx-size must not be negative");
}

// The model's, where its heads suit the policies that sequences may ask for.
ModelConfig config_for(const EngineOptions& options, const GgufFile& file) {
  ModelConfig config = read_config(file);
  validate_tiers(options.policy, config.head_dim);
  for (const Policy& policy : options.other_policies) validate_tiers(policy, config.head_dim);
  return config;
}

}  // namespace

Engine::Engine(const EngineOptions& options, const Progress& loading)
    : Engine(options, (check_options(options), std::make_unique<GgufFile>(options.model_path)), loading) {}

Engine::Engine(const EngineOptions& options, std::unique_ptr<GgufFile> file, const Progress& loading)
    : options_((check_options(options), options)),
      file_(std::move(file)),
      config_(config_for(options, *file_)),
      tokenizer_(std::make_unique<Tokenizer>(read_vocabulary(*file_))),
      backend_(make_backend(options)),
      weights_(load_weights(*file_, config_, *backend_.dense, loading)),
      transformer_(std::make_unique<Transformer>(config_, weights_, backend_)) {
  if (tokenizer_->size() > config_.vocabulary) {
    throw Error(ErrorKind::kBadFile, file_->name() + ": more tokens than rows of token_embd.weight");
  }
  context_ = options.context > 0 ? options.context : std::min(config_.context, kDefaultContext);
  const CacheShape shape = shape_of(config_);
  int64_t bytes = options.pool_bytes;
  if (bytes == 0) bytes = backend_.cache->pool_bytes(shape, options.sequences).value_or(0);
  if (bytes == 0) bytes = default_pool_bytes(shape, options.policy, context_, options.sequences);
  cache_ = std::make_unique<KvCache>(shape, tiers_of(options), bytes, options.sequences, backend_.cache->make_keeper(),
                                     options.calibration.curves, backend_.cache->row_codec());
}

Engine::~Engine() = default;

void Engine::check_fits(const Policy& policy, int prompt_tokens, int max_new_tokens) const {
  validate_tiers(policy, config_.head_dim);
  const int64_t total = int64_t(prompt_tokens) + max_new_tokens;
  if (prompt_tokens < 1) throw Error(ErrorKind::kBadRequest, "the prompt is empty");
  if (total > context_) {
    throw Error(ErrorKind::kBadRequest, "the request needs " + std::to_string(total) + " tokens (" +
                                            std::to_string(prompt_tokens) + " of the prompt), the context holds " +
                                            std::to_string(context_) + " (--ctx-size)");
  }
  const int64_t needed = least_bytes(*cache_, policy, int(total), options_.chunk);
  if (needed > cache_->pool_bytes()) {
    throw Error(ErrorKind::kDoesNotFit, "a prompt of " + std::to_string(prompt_tokens) + " tokens and " +
                                            std::to_string(max_new_tokens) + " new ones needs at least " +
                                            std::to_string(needed) + " bytes of KV cache, the pool has " +
                                            std::to_string(cache_->pool_bytes()) + " (--kv-cache-memory-bytes)");
  }
}

// 16 bits while the prompt passes, where it fits whole and will be judged at its end; else the best tier at once.
TierId Engine::prompt_tier(const Policy& policy, int prompt_tokens, int64_t room_pages) const {
  const bool judged_at_end = first_judgement(policy, prompt_tokens) == prompt_tokens;
  if (policy.kind == PolicyKind::kOff || !judged_at_end) return policy.tiers.front();
  const PageLayout& layout = cache_->layout(TierId::kK16V16);
  const int64_t pages = (int64_t(prompt_tokens) + layout.tokens) / layout.tokens * cache_->shape().heads();
  return pages <= room_pages ? TierId::kK16V16 : policy.tiers.front();
}

std::optional<Sequence> Engine::start(const Policy& policy, int prompt_tokens, int max_new_tokens,
                                      std::optional<uint32_t> most_pages) {
  check_fits(policy, prompt_tokens, max_new_tokens);
  const int64_t room = most_pages.value_or(cache_->appendable_pages());
  std::optional<SequenceCache> lease = cache_->admit(policy, prompt_tier(policy, prompt_tokens, room));
  if (!lease) return std::nullopt;
  Sequence sequence(std::move(*lease));
  sequence.prompt_tokens = prompt_tokens;
  sequence.most_pages = most_pages;
  if (policy.judges()) cache_->state(sequence.slot()).judge_after(first_judgement(policy, prompt_tokens));
  return sequence;
}

std::optional<Sequence> Engine::copy(const Sequence& sequence) {
  std::optional<SequenceCache> lease = cache_->copy(sequence.slot());
  if (!lease) return std::nullopt;
  Sequence other(std::move(*lease));
  other.tokens = sequence.tokens;
  other.prompt_tokens = sequence.prompt_tokens;
  other.most_pages = sequence.most_pages;
  return other;
}

std::optional<Logits> Engine::feed(Sequence& sequence, std::span<const int> tokens, const FeedProgress& progress,
                                   int wanted_logits) {
  std::optional<Logits> logits;
  for (std::size_t done = 0; done < tokens.size();) {
    const int left = int(tokens.size() - done), n = next_chunk(sequence, left);
    if (!make_room(sequence, n, std::min(left - n, options_.chunk))) return std::nullopt;
    const StepInput input{&sequence, tokens.subspan(done, n), left == n ? std::min(wanted_logits, n) : 0};
    logits = step({&input, 1});
    if (!logits) return std::nullopt;
    settle(sequence);
    done += n;
    if (progress && !progress(double(done) / double(tokens.size()))) return std::nullopt;
  }
  return logits;
}

// A chunk ends where the sequence is to be judged. No single row is left over: attention computes those in another
// order than a prompt's, and the cut of a prompt shall not show.
int Engine::next_chunk(const Sequence& sequence, int left) const {
  const int n = std::min({left, options_.chunk, tokens_to_judgement(sequence).value_or(left)});
  LEANKV_CHECK(n > 0);
  return left - n == 1 && n > 2 ? n - 1 : n;
}

std::optional<int> Engine::tokens_to_judgement(const Sequence& sequence) const {
  const SequenceState& state = cache_->state(sequence.slot());
  if (!state.gathering()) return std::nullopt;
  return state.judge_at - state.tokens;
}

// Pages that the sequence may still take; negative where it should give some back.
int64_t Engine::room_pages(const Sequence& sequence) const {
  if (!sequence.most_pages) return int64_t(cache_->ring().free()) - cache_->reserve_pages();
  return int64_t(*sequence.most_pages) - cache_->pages_of(sequence.slot());
}

// Bytes of pages that the sequence may hold so that `free_tokens` more, or those that the context still takes, find
// room at its best tier.
int64_t Engine::limit_bytes(const Sequence& sequence, int64_t free_tokens) const {
  const SequenceState& state = cache_->state(sequence.slot());
  const int64_t per_page = cache_->layout(state.policy.tiers.front()).tokens;
  const int64_t tokens = std::clamp<int64_t>(context_ - state.tokens, 0, free_tokens);
  const int64_t kept_free = (tokens + per_page - 1) / per_page * cache_->shape().heads();
  const int64_t pages =
      sequence.most_pages ? *sequence.most_pages : int64_t(cache_->pages_of(sequence.slot())) + room_pages(sequence);
  return std::max<int64_t>(0, pages - kept_free) * cache_->page_bytes();
}

bool Engine::make_room(Sequence& sequence, int tokens, int tokens_after) {
  SequenceState& state = cache_->state(sequence.slot());
  const auto fits = [&](int n) { return cache_->pages_to_extend(sequence.slot(), n) <= room_pages(sequence); };
  if (state.policy.judges() && state.gathering() && !fits(tokens + std::max(1, tokens_after)) &&
      state.tokens + tokens >= least_judgeable(state.policy)) {
    state.judge_after(state.tokens + tokens);
  }
  if (fits(tokens) || !state.policy.judges() || state.gathering()) return fits(tokens);
  const int64_t limit = limit_bytes(sequence, int64_t(tokens) + decode_window(state.policy));
  if (limit < hardest_bytes(cache_->shape(), state.tokens) || !cache_->can_judge()) return false;
  review(*cache_, *backend_.threads, sequence.slot(), limit);
  return fits(tokens);
}

std::optional<Logits> Engine::step(std::span<const StepInput> inputs) {
  Batch batch;
  for (const StepInput& input : inputs) {
    batch.add(input.sequence->slot(), input.tokens, int(input.sequence->tokens.size()));
    for (int i = input.wanted_logits; i > 0; --i) batch.logit_rows.push_back(batch.rows() - i);
  }
  for (int token : batch.tokens) LEANKV_CHECK(token >= 0 && token < config_.vocabulary);
  if (!cache_->extend(batch.entries)) return std::nullopt;
  for (const StepInput& input : inputs) {
    input.sequence->tokens.insert(input.sequence->tokens.end(), input.tokens.begin(), input.tokens.end());
  }
  return Logits(*backend_.dense, transformer_->forward(batch, *cache_), tokenizer_->size());
}

// A prompt that passed at 16 bits and is to be at its one tier.
bool Engine::uniform_due(const Sequence& sequence) const {
  const SequenceState& state = cache_->state(sequence.slot());
  return state.policy.kind == PolicyKind::kUniform && state.tokens >= sequence.prompt_tokens &&
         state.list_tier[kFreshList] != state.policy.tiers.front();
}

bool Engine::settle_due(const Sequence& sequence) const {
  return uniform_due(sequence) || tokens_to_judgement(sequence) == 0 || review_due(cache_->state(sequence.slot()));
}

void Engine::settle(Sequence& sequence) {
  SequenceState& state = cache_->state(sequence.slot());
  LEANKV_CHECK(tokens_to_judgement(sequence).value_or(0) >= 0);
  if (!settle_due(sequence)) return;
  const bool prompt_ended = state.tokens >= sequence.prompt_tokens;
  const int64_t after = int64_t(decode_window(state.policy)) + (prompt_ended ? 0 : options_.chunk);
  const int64_t limit = limit_bytes(sequence, after);
  if (uniform_due(sequence) || state.gathering()) {
    judge(*cache_, *backend_.threads,
          {sequence.slot(), weights_.output_energy, limit, prompt_ended ? Gathering::kEnd : Gathering::kContinue});
    if (state.gathering()) state.judge_after(first_judgement(state.policy, sequence.prompt_tokens));
  } else {
    review(*cache_, *backend_.threads, sequence.slot(), limit);
  }
}

}  // namespace leankv
