#include "backend/timed_ops.h"

#include <utility>

namespace leankv {
namespace {

class TimedDenseOps : public DenseOps {
 public:
  TimedDenseOps(std::unique_ptr<DenseOps> ops, PhaseTimer& timer) : ops_(std::move(ops)), timer_(timer) {}

  std::string_view name() const override { return ops_->name(); }
  std::unique_ptr<PackedWeights> pack(const TensorView& weights) override { return ops_->pack(weights); }
  void linear(const PackedWeights& weights, ConstMatrix x, Matrix y) override {
    const TimedPhase timed(&timer_, Phase::kLinear);
    ops_->linear(weights, x, y);
  }
  void linear_all(std::span<const Linear> layers, ConstMatrix x) override {
    const TimedPhase timed(&timer_, Phase::kLinear);
    ops_->linear_all(layers, x);
  }
  void norm(ConstMatrix x, std::span<const float> weight, float epsilon, Matrix y) override {
    ops_->norm(x, weight, epsilon, y);
  }
  void rope(Matrix x, int head_dim, RotaryPairs pairs, ConstMatrix cos, ConstMatrix sin) override {
    ops_->rope(x, head_dim, pairs, cos, sin);
  }
  void gate(Matrix gate, ConstMatrix up) override { ops_->gate(gate, up); }
  void add(Matrix x, ConstMatrix y) override { ops_->add(x, y); }
  void add_bias(Matrix x, std::span<const float> bias) override { ops_->add_bias(x, bias); }
  void draw(ConstMatrix logits, std::span<const TokenDraw> draws, std::span<int> tokens) override {
    ops_->draw(logits, draws, tokens);
  }

 private:
  std::unique_ptr<DenseOps> ops_;
  PhaseTimer& timer_;
};

class TimedCacheOps : public CacheOps {
 public:
  TimedCacheOps(std::unique_ptr<CacheOps> ops, PhaseTimer& timer) : ops_(std::move(ops)), timer_(timer) {
    ops_->time_phases(&timer);
  }

  const RowCodec& row_codec() const override { return ops_->row_codec(); }
  void append(KvCache& cache, const Batch& batch, int layer, ConstMatrix k, ConstMatrix v) override {
    const TimedPhase timed(&timer_, Phase::kAppend);
    ops_->append(cache, batch, layer, k, v);
  }
  void attend(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) override {
    const TimedPhase timed(&timer_, Phase::kAttention);
    ops_->attend(cache, batch, layer, q, out);
  }

 private:
  std::unique_ptr<CacheOps> ops_;
  PhaseTimer& timer_;
};

}  // namespace

void time_operations(Backend& backend, PhaseTimer& timer) {
  backend.dense = std::make_unique<TimedDenseOps>(std::move(backend.dense), timer);
  backend.cache = std::make_unique<TimedCacheOps>(std::move(backend.cache), timer);
}

}  // namespace leankv
