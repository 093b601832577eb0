#include "engine/saved_sequence.h"

#include <algorithm>
#include <string>

#include "loader/fingerprint.h"

namespace leankv {
namespace {

constexpr std::string_view kMagic = "LeanKV saved sequence 1\n";

// FNV-1a over words: finds what was damaged, not what was forged.
uint64_t checksum(std::span<const std::byte> bytes) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
    sum = (sum ^ word) * 0x100000001b3u;
  }
  return sum;
}

void require_host(const Engine& engine) {
  if (engine.cache().keeper() == nullptr) return;
  throw Error(ErrorKind::kUnsupported, "a cache on a GPU cannot be saved or restored; --device cpu can");
}

[[noreturn]] void refuse(std::string_view name, const char* what) {
  throw Error(ErrorKind::kBadFile, std::string(name) + ": " + what);
}

// The bytes between the magic and the checksum.
std::span<const std::byte> body_of(std::span<const std::byte> bytes, std::string_view name) {
  const auto magic = std::as_bytes(std::span(kMagic));
  if (bytes.size() < magic.size() + sizeof(uint64_t) || !std::ranges::equal(bytes.first(magic.size()), magic)) {
    refuse(name, "no sequence that this version of LeanKV saved");
  }
  const auto body = bytes.subspan(magic.size(), bytes.size() - magic.size() - sizeof(uint64_t));
  uint64_t sum = 0;
  ByteReader(bytes.last(sizeof sum), name)(sum);
  if (sum != checksum(body)) refuse(name, "damaged: its checksum is another");
  return body;
}

}  // namespace

std::vector<std::byte> save_sequence(const Engine& engine, const Sequence& sequence) {
  require_host(engine);
  ByteWriter to;
  to.bytes(std::as_bytes(std::span(kMagic)));
  to(fingerprint(engine.file()));
  to(sequence.tokens), to(sequence.prompt_tokens);
  save_cache(engine.cache(), sequence.slot(), to);
  to(checksum(std::span(to.written()).subspan(kMagic.size())));
  return std::move(to.written());
}

SavedSequence read_sequence(const Engine& engine, std::span<const std::byte> bytes, std::string_view name) {
  require_host(engine);
  ByteReader from(body_of(bytes, name), name);
  uint64_t model = 0;
  SavedSequence saved;
  from(model), from(saved.tokens), from(saved.prompt_tokens);
  const int tokens = int(saved.tokens.size());
  if (model != fingerprint(engine.file())) refuse(name, "it was saved with another model");
  if (tokens > engine.context()) refuse(name, "it holds more tokens than the context (--ctx-size)");
  saved.cache = read_cache(engine.cache(), from, name);
  const auto known = [&](int token) { return token >= 0 && token < engine.tokenizer().size(); };
  const bool agrees = saved.cache.state.tokens == tokens && std::ranges::all_of(saved.tokens, known);
  if (!agrees || saved.prompt_tokens > tokens) refuse(name, "the saved sequence contradicts itself");
  return saved;
}

std::optional<Sequence> place_sequence(Engine& engine, SlotId slot, const SavedSequence& saved) {
  std::optional<SequenceCache> lease = engine.cache().restore(slot, saved.cache.state, saved.cache.pages);
  if (!lease) return std::nullopt;
  Sequence sequence(std::move(*lease));
  sequence.tokens = saved.tokens;
  sequence.prompt_tokens = saved.prompt_tokens;
  return sequence;
}

}  // namespace leankv
