// Logits and weighted sums over runs of 16-bit pages, in f32. A tile is squares of 4 tokens by 4 channels.
#include "backend/cpu/kernels/attention_functions.h"
#include "backend/cpu/kernels/attention_tiles.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr int kSquare = 16;   // values of 4 tokens and 4 channels
constexpr int kHalfTile = 4;  // tokens
constexpr int kVectorsPerSquare = kSquare / kLanes;
constexpr int kTilesAtOnce = 4 / kVectorsPerSquare;  // whose sums fill a vector with tokens
constexpr int kQueriesAtOnce = kLanes == 16 ? 4 : 2;
static_assert(tile_tokens(TierId::kK16V16) == kHalfTile);

// Visits the tiles of one side of a run in order. calls: this visit is the first one and calls for pages ahead.
class HalfTiles {
 public:
  HalfTiles(const TokenRun& run, const RunSide& side, bool calls) : run_(run), side_(side), calls_(calls) {}
  // Null behind the last.
  inline const uint16_t* next() {
    if (done_ >= run_.tokens) return nullptr;
    const std::byte* page = run_.pages[page_];
    const std::byte* tile = page + side_.codes + tile_ * side_.tile_bytes;
    if (calls_ && tile_ == 0) call_ahead(run_, page_, side_.keys);
    done_ += kHalfTile;
    if (++tile_ * kHalfTile == run_.layout->tokens) tile_ = 0, ++page_;
    return reinterpret_cast<const uint16_t*>(tile);
  }

 private:
  const TokenRun& run_;
  const RunSide side_;
  const bool calls_;
  int done_ = 0, page_ = 0, tile_ = 0;
};

// logits of kLanes tokens
template <int kQueries>
inline void vector_logits(const uint16_t* const* tiles, const float* q, int head_dim, float* logits,
                          std::ptrdiff_t stride) {
  Floats sum[kQueries][4];
  for (auto& query : sum) {
    for (Floats& x : query) x = broadcast(0);
  }
  for (int c = 0; c < head_dim; c += 4) {
    Floats k[4];
    for (int i = 0; i < 4; ++i) {
      k[i] = load_half(tiles[i / kVectorsPerSquare] + c * kHalfTile + i % kVectorsPerSquare * kLanes);
    }
    for (int i = 0; i < kQueries; ++i) {
      const Floats x = broadcast_quad(q + i * head_dim + c);
      for (int j = 0; j < 4; ++j) sum[i][j] = fma(x, k[j], sum[i][j]);
    }
  }
  for (int i = 0; i < kQueries; ++i) store(logits + i * stride, sum_fours(sum[i]));
}

// The values of a tile's first `tokens`; what lies behind them may be no number, so its weight of 0 is not enough.
inline const uint16_t* without_rest(const uint16_t* halves, int tokens, uint16_t* copy) {
  for (int i = 0; i < 4 * kLanes; ++i) copy[i] = i % kHalfTile < tokens ? halves[i] : uint16_t(0);
  return copy;
}

// Sums of 4 vectors of squares' lanes, so kLanes channels: the tokens of each channel are added at the end.
template <int kQueries>
inline void sum_channels(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int channel, float* out) {
  const int head_dim = run.layout->head_dim;
  Floats sum[kQueries][4];
  for (auto& query : sum) {
    for (Floats& x : query) x = broadcast(0);
  }
  HalfTiles tiles(run, value_side(*run.layout), channel == 0);
  uint16_t last[4 * kLanes];
  for (int t = 0; const uint16_t* tile = tiles.next(); t += kHalfTile) {
    const uint16_t* halves = tile + channel * kHalfTile;
    if (run.tokens - t < kHalfTile) halves = without_rest(halves, run.tokens - t, last);
    Floats v[4];
    for (int i = 0; i < 4; ++i) v[i] = load_half(halves + i * kLanes);
    for (int i = 0; i < kQueries; ++i) {
      const Floats w = broadcast_quad(weights + i * stride + t);
      for (int j = 0; j < 4; ++j) sum[i][j] = fma(w, v[j], sum[i][j]);
    }
  }
  for (int i = 0; i < kQueries; ++i) store(out + i * head_dim + channel, sum_fours(sum[i]));
}

template <int kQueries>
inline void sum_queries(const TokenRun& run, const float* weights, std::ptrdiff_t stride, float* out) {
  for (int c = 0; c < run.layout->head_dim; c += kLanes) sum_channels<kQueries>(run, weights, stride, c, out);
}

}  // namespace

[[gnu::flatten]] void half_logits(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride) {
  const int head_dim = run.layout->head_dim;
  HalfTiles all(run, key_side(*run.layout), true);
  for (int t = 0; t < run.tokens; t += kLanes) {
    const uint16_t* tiles[kTilesAtOnce] = {};
    for (int i = 0; i < kTilesAtOnce; ++i) {
      const uint16_t* tile = all.next();
      tiles[i] = tile == nullptr ? tiles[0] : tile;
    }
    int i = 0;
    for (; i + kQueriesAtOnce <= q.count; i += kQueriesAtOnce) {
      vector_logits<kQueriesAtOnce>(tiles, q.floats + i * head_dim, head_dim, logits + i * stride + t, stride);
    }
    if constexpr (kQueriesAtOnce > 2) {
      for (; i + 3 <= q.count; i += 3) {
        vector_logits<3>(tiles, q.floats + i * head_dim, head_dim, logits + i * stride + t, stride);
      }
    }
    for (; i < q.count; ++i) {
      vector_logits<1>(tiles, q.floats + i * head_dim, head_dim, logits + i * stride + t, stride);
    }
  }
}

[[gnu::flatten]] void sum_halves(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int count,
                                 float* out) {
  const int head_dim = run.layout->head_dim;
  int i = 0;
  for (; i + kQueriesAtOnce <= count; i += kQueriesAtOnce) {
    sum_queries<kQueriesAtOnce>(run, weights + i * stride, stride, out + i * head_dim);
  }
  if constexpr (kQueriesAtOnce > 2) {
    for (; i + 3 <= count; i += 3) sum_queries<3>(run, weights + i * stride, stride, out + i * head_dim);
  }
  for (; i < count; ++i) sum_queries<1>(run, weights + i * stride, stride, out + i * head_dim);
}

}  // namespace leankv::LEANKV_ISA_NS
