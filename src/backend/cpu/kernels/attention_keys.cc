// Logits of a group's queries against a run of keys, from integer codes.
//
// A vector of key bytes is 4 channels of 8 tokens (twice as many channels with 16 lanes), so its dot products with the
// query's bytes add up, lane by lane, to the tokens' sums.
#include "backend/cpu/kernels/attention_functions.h"
#include "backend/cpu/kernels/attention_tiles.h"
#include "backend/cpu/kernels/unrolled.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr int kPair = 2;                                      // tiles at once: 16 tokens
constexpr int kVectorsPerTile = kLanes < 8 ? 8 / kLanes : 1;  // that the sums of one tile take
constexpr int kQueriesAtOnce = kLanes == 16 ? 4 : 2;          // whose sums fit the registers
constexpr int kVectorsOfPair = kPair * kTileTokens / kLanes;  // of one number per token
constexpr int kParts = 2;                                     // of a query's integers (simd/README.md)
constexpr int kSumsPerTile = kVectorsPerTile * kPartSums;
constexpr int kSumsPerQuery = kPair * kSumsPerTile;

template <int kQueries>
struct PairSums {
  Ints of[kQueries * kSumsPerQuery];  // [query][tile][vector][kPartSums]
};

template <int kQueries>
inline PairSums<kQueries> dot_pair(const uint8_t* const* tiles, const int8_t* queries, int head_dim) {
  PairSums<kQueries> sums;
  unrolled<kQueries * kSumsPerQuery>([&](auto i) { sums.of[i] = broadcast_int(0); });
  const int tile_bytes = kTileTokens * head_dim;
  for (int at = 0; at < tile_bytes; at += kVectorsPerTile * kVectorBytes) {
    unrolled<kVectorsPerTile>([&](auto v) {
      const int byte = at + v * kVectorBytes;
      const Bytes a = load_bytes(tiles[0] + byte), b = load_bytes(tiles[1] + byte);
      const Bytes first[kParts] = {part_of<0>(a), part_of<1>(a)}, second[kParts] = {part_of<0>(b), part_of<1>(b)};
      unrolled<kQueries * kParts>([&](auto i) {
        const Bytes x = load_bytes(reinterpret_cast<const uint8_t*>(queries + i * tile_bytes + byte));
        constexpr int kPart = i % kParts, kSum = i / kParts * kSumsPerQuery + v * kPartSums + kPart % kPartSums;
        sums.of[kSum] = dot_part(sums.of[kSum], first[kPart], x);
        sums.of[kSum + kSumsPerTile] = dot_part(sums.of[kSum + kSumsPerTile], second[kPart], x);
      });
    });
  }
  return sums;
}

// At most 255 * 32639 * 256 channels < 2^31.
inline Ints joined(const Ints* parts) { return join_parts(parts[0], parts[kPartSums - 1]); }
// Vector i of the pair's tokens, from one query's sums.
inline Ints tokens_of(const Ints* sums, int i) {
  if constexpr (kLanes == 16) return join_eights(joined(sums), joined(sums + kSumsPerTile));
  return joined(sums + i * kPartSums);
}

template <CodecId id, int kQueries>
inline void pair_logits(const TileBatch<id>& batch, int pair, const GroupQueries& q, int first_query, int head_dim,
                        float* logits, std::ptrdiff_t stride) {
  const int query_bytes = kQueryCodesPerChannel * head_dim;
  const PairSums<kQueries> sums =
      dot_pair<kQueries>(batch.codes + pair * kPair, q.codes + first_query * query_bytes, head_dim);
  unrolled<kQueries>([&](auto i) {
    const int32_t sum = q.sum[first_query + i];
    const float unit = q.unit[first_query + i];
    unrolled<kVectorsOfPair>([&](auto v) {
      const int token = pair * kPair * kTileTokens + v * kLanes;
      Floats x = to_float(add(tokens_of(sums.of + i * kSumsPerQuery, v), broadcast_int(-byte_centre(id) * sum)));
      if constexpr (level_offset(id) != 0) x = add(x, broadcast(level_offset(id) * float(sum)));
      x = mul(x, mul(load(batch.scale + token), broadcast(unit)));
      if constexpr (has_zero_point(id)) x = fma(load(batch.zero + token), broadcast(unit * float(sum)), x);
      store(logits + (first_query + i) * stride + token, x);
    });
  });
}

template <CodecId id>
inline void batch_logits(const TileBatch<id>& batch, const GroupQueries& q, int head_dim, float* logits,
                         std::ptrdiff_t stride) {
  for (int pair = 0; pair < kBatchTiles / kPair; ++pair) {
    int i = 0;
    for (; i + kQueriesAtOnce <= q.count; i += kQueriesAtOnce) {
      pair_logits<id, kQueriesAtOnce>(batch, pair, q, i, head_dim, logits, stride);
    }
    if constexpr (kQueriesAtOnce > 2) {
      for (; i + 3 <= q.count; i += 3) pair_logits<id, 3>(batch, pair, q, i, head_dim, logits, stride);
      for (; i + 2 <= q.count; i += 2) pair_logits<id, 2>(batch, pair, q, i, head_dim, logits, stride);
    }
    for (; i < q.count; ++i) pair_logits<id, 1>(batch, pair, q, i, head_dim, logits, stride);
  }
}

template <CodecId id>
[[gnu::flatten]] void logits_of(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride) {
  TileReader<id> reader(run, key_side(*run.layout));
  TileBatch<id> batch;
  while (const int tokens = reader.next(batch)) {
    batch_logits(batch, q, run.layout->head_dim, logits, stride);
    logits += tokens;
  }
}

}  // namespace

void code_logits(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride) {
  visit_integer_codec(tier(run.layout->tier).key, [&](auto id) { logits_of<id.value>(run, q, logits, stride); });
}

}  // namespace leankv::LEANKV_ISA_NS
