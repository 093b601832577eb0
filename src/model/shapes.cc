#include "model/shapes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "model/config.h"
#include "model/tokenizer_alphabet.h"
#include "model/utf8.h"

namespace leankv {
namespace {

// From the models' config.json. name, architecture, layers, hidden, heads, kv_heads, head_dim, feed_forward,
// vocabulary, context, tied, rope_base
constexpr ModelShape kShapes[] = {
    {"smollm2-135m", "llama", 30, 576, 9, 3, 64, 1536, 49152, 8192, true, 1e5},
    {"smollm2-360m", "llama", 32, 960, 15, 5, 64, 2560, 49152, 8192, true, 1e5},
    {"smollm2-1.7b", "llama", 24, 2048, 32, 32, 64, 8192, 49152, 8192, true, 1.3e5},
    {"llama-3.2-1b", "llama", 16, 2048, 32, 8, 64, 8192, 128256, 131072, true, 5e5},
    {"llama-3.2-3b", "llama", 28, 3072, 24, 8, 128, 8192, 128256, 131072, true, 5e5},
    {"llama-3-8b", "llama", 32, 4096, 32, 8, 128, 14336, 128256, 8192, false, 5e5},
    {"mistral-7b", "llama", 32, 4096, 32, 8, 128, 14336, 32768, 32768, false, 1e6},
    {"qwen2.5-0.5b", "qwen2", 24, 896, 14, 2, 64, 4864, 151936, 32768, true, 1e6},
    {"qwen2.5-1.5b", "qwen2", 28, 1536, 12, 2, 128, 8960, 151936, 131072, true, 1e6},
    {"qwen2.5-7b", "qwen2", 28, 3584, 28, 4, 128, 18944, 152064, 131072, false, 1e6},
    {"qwen3-0.6b", "qwen3", 28, 1024, 16, 8, 128, 3072, 151936, 40960, true, 1e6},
    {"qwen3-1.7b", "qwen3", 28, 2048, 16, 8, 128, 6144, 151936, 40960, true, 1e6},
    {"qwen3-4b", "qwen3", 36, 2560, 32, 8, 128, 9728, 151936, 40960, true, 1e6},
    {"qwen3-8b", "qwen3", 36, 4096, 32, 8, 128, 12288, 151936, 40960, false, 1e6},
};

constexpr uint64_t kAlignment = 64;  // of the image's tensors: a cache line
constexpr float kDeviation = 0.02f;  // of the weights: what models are initialised with
constexpr int kByteTokens = 256;

// Little-endian values one after another, as GGUF writes them.
class Writer {
 public:
  template <class T>
  void put(T value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof value);
  }
  void text(std::string_view s) {
    put(uint64_t(s.size()));
    const auto* from = reinterpret_cast<const std::byte*>(s.data());
    bytes.insert(bytes.end(), from, from + s.size());
  }
  void key(std::string_view name, GgufType type) {
    text(name);
    put(uint32_t(type));
    ++keys;
  }
  void integer(std::string_view name, int value) { key(name, GgufType::kU32), put(uint32_t(value)); }
  void number(std::string_view name, float value) { key(name, GgufType::kF32), put(value); }
  void string(std::string_view name, std::string_view value) { key(name, GgufType::kString), text(value); }

  std::vector<std::byte> bytes;
  uint64_t keys = 0;
};

void write_metadata(const ModelShape& s, Writer& w) {
  const std::string p = std::string(s.architecture) + ".";
  w.string("general.architecture", s.architecture);
  w.string("general.name", s.name);
  w.integer(p + "block_count", s.layers);
  w.integer(p + "context_length", s.context);
  w.integer(p + "embedding_length", s.hidden);
  w.integer(p + "feed_forward_length", s.feed_forward);
  w.integer(p + "attention.head_count", s.heads);
  w.integer(p + "attention.head_count_kv", s.kv_heads);
  w.integer(p + "attention.key_length", s.head_dim);
  w.integer(p + "attention.value_length", s.head_dim);
  w.number(p + "attention.layer_norm_rms_epsilon", 1e-5f);
  w.number(p + "rope.freq_base", float(s.rope_base));
  w.string("tokenizer.ggml.model", "gpt2");
  w.string("tokenizer.ggml.pre", "gpt-2");
  w.key("tokenizer.ggml.tokens", GgufType::kArray);
  w.put(uint32_t(GgufType::kString));
  w.put(uint64_t(kByteTokens));
  for (int b = 0; b < kByteTokens; ++b) {
    std::string token;
    append_utf8(token, byte_character(uint8_t(b)));
    w.text(token);
  }
}

struct Tensor {
  std::string name;
  int64_t rows, columns;
  bool is_matrix() const { return rows > 1; }
};

std::vector<Tensor> tensors_of(const ModelShape& s) {
  const Architecture architecture = find_architecture(s.architecture, std::string(s.name));
  const int queries = s.heads * s.head_dim, keys = s.kv_heads * s.head_dim;
  std::vector<Tensor> all{{"token_embd.weight", s.vocabulary, s.hidden}, {"output_norm.weight", 1, s.hidden}};
  if (!s.tied) all.push_back({"output.weight", s.vocabulary, s.hidden});
  for (int layer = 0; layer < s.layers; ++layer) {
    const std::string p = "blk." + std::to_string(layer) + ".";
    all.push_back({p + "attn_norm.weight", 1, s.hidden});
    all.push_back({p + "attn_q.weight", queries, s.hidden});
    all.push_back({p + "attn_k.weight", keys, s.hidden});
    all.push_back({p + "attn_v.weight", keys, s.hidden});
    if (architecture.has_biases) {
      all.push_back({p + "attn_q.bias", 1, queries});
      all.push_back({p + "attn_k.bias", 1, keys});
      all.push_back({p + "attn_v.bias", 1, keys});
    }
    if (architecture.has_head_norms) {
      all.push_back({p + "attn_q_norm.weight", 1, s.head_dim});
      all.push_back({p + "attn_k_norm.weight", 1, s.head_dim});
    }
    all.push_back({p + "attn_output.weight", s.hidden, queries});
    all.push_back({p + "ffn_norm.weight", 1, s.hidden});
    all.push_back({p + "ffn_gate.weight", s.feed_forward, s.hidden});
    all.push_back({p + "ffn_up.weight", s.feed_forward, s.hidden});
    all.push_back({p + "ffn_down.weight", s.hidden, s.feed_forward});
  }
  return all;
}

// Norms and biases lie first in the data, the matrices' blocks after them.
void write_tensor_infos(const std::vector<Tensor>& tensors, const WeightFormat& format, uint64_t blocks_at, Writer& w) {
  for (const Tensor& t : tensors) {
    w.text(t.name);
    w.put(uint32_t(t.is_matrix() ? 2 : 1));
    w.put(uint64_t(t.columns));
    if (t.is_matrix()) w.put(uint64_t(t.rows));
    w.put(t.is_matrix() ? format.gguf_id : weight_format(WeightType::kF32).gguf_id);
    w.put(t.is_matrix() ? blocks_at : uint64_t(0));
  }
}

uint64_t aligned(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Marsaglia's xorshift64: the codes need to be neither good nor slow.
uint64_t next_random(uint64_t& state) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}

// Codes are uniform; scale and minimum give them mean zero and kDeviation.
void fill_blocks(WeightType type, std::span<std::byte> blocks) {
  const int block_bytes = weight_format(type).block_bytes;
  const bool wide = type == WeightType::kQ8_0;
  const float steps = wide ? 256 : 16;
  const float scale = kDeviation / std::sqrt((steps * steps - 1) / 12);  // of the uniform distribution
  const uint16_t head[] = {float_to_half(scale), float_to_half(-7.5f * scale)};
  const size_t head_bytes = type == WeightType::kQ4_1 ? 4 : 2;
  uint64_t state = 0x9e3779b97f4a7c15;
  for (size_t i = 0; i + 8 <= blocks.size(); i += 8) {
    const uint64_t bits = next_random(state);
    std::memcpy(blocks.data() + i, &bits, 8);
  }
  for (size_t at = 0; at + size_t(block_bytes) <= blocks.size(); at += size_t(block_bytes)) {
    std::memcpy(blocks.data() + at, head, head_bytes);
  }
}

}  // namespace

std::span<const ModelShape> model_shapes() { return kShapes; }

const ModelShape& find_model_shape(std::string_view name) {
  std::string names;
  for (const ModelShape& s : kShapes) {
    if (s.name == name) return s;
    names += (names.empty() ? "" : ", ") + std::string(s.name);
  }
  throw Error(ErrorKind::kBadOption, "'" + std::string(name) + "' is no known shape; there is " + names);
}

int64_t matrix_elements(const ModelShape& shape) {
  int64_t elements = 0;
  for (const Tensor& t : tensors_of(shape)) elements += t.is_matrix() ? t.rows * t.columns : 0;
  return elements;
}

std::vector<std::byte> random_model(const ModelShape& shape, WeightType type) {
  const WeightFormat& format = weight_format(type);
  LEANKV_CHECK(format.block_size > 1);
  const std::vector<Tensor> tensors = tensors_of(shape);
  int64_t largest = 0;
  for (const Tensor& t : tensors) largest = std::max(largest, t.rows * t.columns);
  const std::vector<float> ones(size_t(std::max(shape.hidden, shape.heads * shape.head_dim)), 1.0f);
  const uint64_t blocks_at = aligned(ones.size() * sizeof(float));

  Writer body;
  body.integer("general.alignment", int(kAlignment));
  write_metadata(shape, body);
  write_tensor_infos(tensors, format, blocks_at, body);
  Writer image;
  image.put(uint32_t(0x46554747));  // "GGUF"
  image.put(uint32_t(3));
  image.put(uint64_t(tensors.size()));
  image.put(body.keys);
  std::vector<std::byte>& bytes = image.bytes;
  bytes.insert(bytes.end(), body.bytes.begin(), body.bytes.end());
  const uint64_t data = aligned(bytes.size());
  bytes.resize(data + blocks_at + uint64_t(largest / format.block_size) * uint64_t(format.block_bytes));
  std::memcpy(bytes.data() + data, ones.data(), ones.size() * sizeof(float));
  fill_blocks(type, std::span(bytes).subspan(data + blocks_at));
  return std::move(bytes);
}

}  // namespace leankv
