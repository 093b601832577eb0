#include "model/config.h"

#include <cmath>
#include <span>

#include "base/error.h"

namespace leankv {
namespace {

// name, rotary pairs, biases, norms of heads
constexpr Architecture kArchitectures[] = {
    {"llama", RotaryPairs::kNeighbours, false, false},
    {"qwen2", RotaryPairs::kHalves, true, false},
    {"qwen3", RotaryPairs::kHalves, false, true},
};

constexpr int64_t kMaxDimension = 1 << 20;  // far above any model; keeps products of two inside 64 bits

class Reader {
 public:
  Reader(const GgufFile& file, std::string_view prefix) : file_(file), prefix_(std::string(prefix) + ".") {}

  int dimension(const std::string& key, std::optional<int64_t> fallback = {}) const {
    const int64_t value = file_.integer(prefix_ + key, fallback);
    if (value < 1 || value > kMaxDimension) fail(key + " = " + std::to_string(value) + " is out of range");
    return int(value);
  }
  double number(const std::string& key, std::optional<double> fallback = {}) const {
    return file_.number(prefix_ + key, fallback);
  }
  std::string_view text(const std::string& key, std::string_view fallback) const {
    return file_.string(prefix_ + key, fallback);
  }
  int64_t integer(const std::string& key, int64_t fallback) const { return file_.integer(prefix_ + key, fallback); }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::kBadFile, file_.name() + ": " + prefix_ + what);
  }
  const GgufFile& file() const { return file_; }

 private:
  const GgufFile& file_;
  std::string prefix_;
};

// Llama 3 files carry a divisor per frequency.
void divide_by_factors(const GgufFile& file, std::vector<double>& frequencies) {
  if (!file.has_tensor("rope_freqs.weight")) return;
  const TensorView factors = file.tensor("rope_freqs.weight");
  if (factors.rows * factors.columns != int64_t(frequencies.size())) {
    throw Error(ErrorKind::kBadFile, file.name() + ": rope_freqs.weight has another size than the rotary dimensions");
  }
  std::vector<float> values(frequencies.size());
  dequantise(factors.type, factors.data, int64_t(values.size()), values.data());
  for (std::size_t i = 0; i < values.size(); ++i) frequencies[i] /= values[i];
}

// What positions are divided by. Older files name only the factor, or call it by its older name.
double position_factor(const Reader& r) {
  const std::string type(r.text("rope.scaling.type", "linear"));
  if (type == "none") return 1;
  if (type != "linear") {
    throw Error(ErrorKind::kUnsupported,
                r.file().name() + ": rope scaling '" + type + "' is not supported; these work: none, linear");
  }
  const double factor = r.number("rope.scaling.factor", r.number("rope.scale_linear", 1.0));
  if (!(factor >= 1 && factor <= kMaxDimension)) r.fail("rope.scaling.factor is out of range");
  return factor;
}

std::vector<double> inverse_frequencies(const Reader& r, const ModelConfig& c) {
  const double scaling = position_factor(r);
  const int rotary = r.dimension("rope.dimension_count", c.head_dim);
  if (rotary > c.head_dim || rotary % 2 != 0) r.fail("rope.dimension_count does not fit the head size");
  const double base = r.number("rope.freq_base", 10000.0);
  if (!(base > 1)) r.fail("rope.freq_base is out of range");
  std::vector<double> frequencies(rotary / 2);
  for (int i = 0; i < rotary / 2; ++i) frequencies[i] = 1.0 / std::pow(base, 2.0 * i / rotary) / scaling;
  divide_by_factors(r.file(), frequencies);
  return frequencies;
}

}  // namespace

Architecture find_architecture(std::string_view name, const std::string& where) {
  std::string works;
  for (const Architecture& a : kArchitectures) {
    if (a.name == name) return a;
    works += (works.empty() ? "" : ", ") + std::string(a.name);
  }
  throw Error(ErrorKind::kUnsupported,
              where + ": architecture '" + std::string(name) + "' is not supported; these work: " + works);
}

ModelConfig read_config(const GgufFile& file) {
  ModelConfig c;
  c.architecture = find_architecture(file.string("general.architecture"), file.name());
  c.name = file.string("general.name", "");
  const Reader r(file, c.architecture.name);
  c.layers = r.dimension("block_count");
  c.hidden = r.dimension("embedding_length");
  c.heads = r.dimension("attention.head_count");
  c.kv_heads = r.dimension("attention.head_count_kv", c.heads);
  c.head_dim = r.dimension("attention.key_length", c.hidden / c.heads);
  c.feed_forward = r.dimension("feed_forward_length");
  c.context = r.dimension("context_length");
  c.norm_epsilon = float(r.number("attention.layer_norm_rms_epsilon"));
  if (c.heads % c.kv_heads != 0) r.fail("attention.head_count is no multiple of attention.head_count_kv");
  if (r.dimension("attention.value_length", c.head_dim) != c.head_dim)
    r.fail("attention.value_length differs from key_length");
  if (r.integer("expert_count", 0) != 0) {
    throw Error(ErrorKind::kUnsupported, file.name() + ": mixture-of-experts models are not supported");
  }
  c.vocabulary = int(file.tensor("token_embd.weight").rows);
  c.inverse_frequencies = inverse_frequencies(r, c);
  return c;
}

}  // namespace leankv
