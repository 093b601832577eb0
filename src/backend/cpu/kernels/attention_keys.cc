// Logits of a group's queries against a run of keys, from integer codes.
//
// A vector of key bytes is 4 channels of 8 tokens (twice as many channels with 16 lanes), so its dot products with the
// query's bytes add up, lane by lane, to the tokens' sums.
#include "backend/cpu/kernels/attention_functions.h"
#include "backend/cpu/kernels/attention_scales.h"
#include "backend/cpu/kernels/unrolled.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr int kTilesAtOnce = kLanes == 16 ? 4 : 2;
constexpr int kVectorsPerTile = kLanes < 8 ? 8 / kLanes : 1;          // that the sums of one tile take
constexpr int kQueriesAtOnce = kLanes == 16 ? 3 : 2;                  // whose sums fit the registers
constexpr int kVectorsOfTiles = kTilesAtOnce * kTileTokens / kLanes;  // of one number per token
constexpr int kParts = 2;                                             // of a query's integers (simd/README.md)
constexpr int kSumsPerTile = kVectorsPerTile * kPartSums;
constexpr int kSumsPerQuery = kTilesAtOnce * kSumsPerTile;

template <int kQueries>
struct TileSums {
  Ints of[kQueries * kSumsPerQuery];  // [query][tile][vector][kPartSums]
};

template <int kQueries>
inline TileSums<kQueries> dot_tiles(const uint8_t* const* tiles, const int8_t* queries, int head_dim) {
  TileSums<kQueries> sums;
  unrolled<kQueries * kSumsPerQuery>([&](auto i) { sums.of[i] = broadcast_int(0); });
  const int tile_bytes = kTileTokens * head_dim;
  for (int at = 0; at < tile_bytes; at += kVectorsPerTile * kVectorBytes) {
    unrolled<kVectorsPerTile>([&](auto v) {
      const int byte = at + v * kVectorBytes;
      Bytes part[kParts][kTilesAtOnce];
      unrolled<kTilesAtOnce>([&](auto t) {
        const Bytes codes = load_bytes(tiles[t] + byte);
        part[0][t] = part_of<0>(codes), part[1][t] = part_of<1>(codes);
      });
      unrolled<kQueries * kParts>([&](auto i) {
        const Bytes x = load_bytes(reinterpret_cast<const uint8_t*>(queries + i * tile_bytes + byte));
        constexpr int kPart = i % kParts, kFirst = i / kParts * kSumsPerQuery + v * kPartSums + kPart % kPartSums;
        unrolled<kTilesAtOnce>([&](auto t) {
          constexpr int kSum = kFirst + t * kSumsPerTile;
          sums.of[kSum] = dot_part(sums.of[kSum], part[kPart][t], x);
        });
      });
    });
  }
  return sums;
}

// At most 255 * 32639 * 256 channels < 2^31.
inline Ints joined(const Ints* parts) { return join_parts(parts[0], parts[kPartSums - 1]); }
// Vector i of the tiles' tokens, from one query's sums.
inline Ints tokens_of(const Ints* sums, int i) {
  if constexpr (kLanes == 16) {
    return join_eights(joined(sums + 2 * i * kSumsPerTile), joined(sums + (2 * i + 1) * kSumsPerTile));
  }
  return joined(sums + i * kPartSums);
}

struct KeyBatch {
  TileBatch tiles;
  alignas(64) float scale[kBatchTokens];
  alignas(64) float zero[kBatchTokens];
};

template <CodecId id, int kQueries>
inline void tile_logits(const KeyBatch& batch, int tile, const GroupQueries& q, int first_query, int head_dim,
                        float* logits, std::ptrdiff_t stride) {
  const int query_bytes = kQueryCodesPerChannel * head_dim;
  const TileSums<kQueries> sums =
      dot_tiles<kQueries>(batch.tiles.codes + tile, q.codes + first_query * query_bytes, head_dim);
  unrolled<kQueries>([&](auto i) {
    const int32_t sum = q.sum[first_query + i];
    const float unit = q.unit[first_query + i];
    unrolled<kVectorsOfTiles>([&](auto v) {
      const int token = tile * kTileTokens + v * kLanes;
      Floats x = to_float(add(tokens_of(sums.of + i * kSumsPerQuery, v), broadcast_int(-byte_centre(id) * sum)));
      if constexpr (level_offset(id) != 0) x = add(x, broadcast(level_offset(id) * float(sum)));
      x = mul(x, mul(load(batch.scale + token), broadcast(unit)));
      if constexpr (has_zero_point(id)) x = fma(load(batch.zero + token), broadcast(unit * float(sum)), x);
      store(logits + (first_query + i) * stride + token, x);
    });
  });
}

template <CodecId id>
inline void batch_logits(const KeyBatch& batch, const GroupQueries& q, int head_dim, float* logits,
                         std::ptrdiff_t stride) {
  for (int tile = 0; tile < kBatchTiles; tile += kTilesAtOnce) {
    int i = 0;
    for (; i + kQueriesAtOnce <= q.count; i += kQueriesAtOnce) {
      if (kQueriesAtOnce == 3 && q.count - i == 4) break;  // better 2 and 2 than 3 and 1
      tile_logits<id, kQueriesAtOnce>(batch, tile, q, i, head_dim, logits, stride);
    }
    for (; i + 2 <= q.count; i += 2) tile_logits<id, 2>(batch, tile, q, i, head_dim, logits, stride);
    for (; i < q.count; ++i) tile_logits<id, 1>(batch, tile, q, i, head_dim, logits, stride);
  }
}

template <CodecId id>
[[gnu::flatten]] void logits_of(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride) {
  CodeReader<id> codes(run, key_side(*run.layout));
  ScaleReader<id> scales(run, key_side(*run.layout));
  KeyBatch batch;
  while (const int tokens = codes.next(batch.tiles)) {
    scales.next(batch.scale, batch.zero);
    batch_logits<id>(batch, q, run.layout->head_dim, logits, stride);
    logits += tokens;
  }
}

}  // namespace

void code_logits(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride) {
  visit_integer_codec(tier(run.layout->tier).key, [&](auto id) { logits_of<id.value>(run, q, logits, stride); });
}

}  // namespace leankv::LEANKV_ISA_NS
