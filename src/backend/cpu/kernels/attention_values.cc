// Weighted sums of a run's values, from integer codes.
//
// A vector of value bytes is kLanes channels of 4 tokens; its dot products with the 4 tokens' weights add up, lane by
// lane, to the channels' sums. Weights w(t) scale(t) become 15-bit integers, in units that fit the run's largest.
#include "backend/cpu/kernels/attention_functions.h"
#include "backend/cpu/kernels/attention_scales.h"
#include "backend/cpu/kernels/unrolled.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr int kMaxQueries = 8;                        // of one pass over the run
constexpr int kQueriesAtOnce = kLanes == 16 ? 3 : 2;  // whose sums fit the registers,
constexpr int kVectorsAtOnce = kLanes == 16 ? 4 : 2;  // with those of so many vectors of channels
constexpr float kLargestWeight = 32639;               // its high byte is 127 after rounding
// What integer sums have room for: 255 * 127 or 128 * 1024 in two parts, 255 * 32639 * 256 in one, all below 2^31.
constexpr int kTokensPerSum = kPartSums == 2 ? kMaxRunTokens : 256;
static_assert(kTokensPerSum % kBatchTokens == 0);

struct RunScales {
  alignas(64) float scale[kMaxRunTokens];
  alignas(64) float zero[kMaxRunTokens];  // of kMinMax
};

// One query's weights over the run.
struct RunWeights {
  const float* of;      // [tokens]
  Ints sum[kPartSums];  // of the integer weights since the last flush, lane by lane
  float unit;           // of the integer weights
  float per_unit;       // 1 / unit
  float zero;           // sum of w(t) zero(t)
};

struct BatchWeights {
  alignas(64) int8_t first[kMaxQueries][kBatchTokens];  // the two parts (simd/README.md)
  alignas(64) int8_t second[kMaxQueries][kBatchTokens];
};

struct Sums {
  alignas(64) int32_t part[kPartSums][kMaxQueries][kMaxHeadDim];
};

inline float largest_of(Floats a) {
  float lanes[kLanes];
  store(lanes, a);
  for (int i = 1; i < kLanes; ++i) lanes[0] = lanes[i] > lanes[0] ? lanes[i] : lanes[0];
  return lanes[0];
}
inline float sum_of(Floats a) {
  float lanes[kLanes];
  store(lanes, a);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}
inline int32_t sum_of(Ints a) { return int32_t(sum_of(to_float(a))); }  // exact below 2^24

template <CodecId id>
inline void read_scales(const TokenRun& run, RunScales& scales) {
  ScaleReader<id> reader(run, value_side(*run.layout));
  for (int first = 0; const int tokens = reader.next(scales.scale + first, scales.zero + first);) first += tokens;
}

template <CodecId id>
inline void find_unit(const RunScales& scales, int tokens, RunWeights& w) {
  Floats largest = broadcast(0), zero = broadcast(0);
  for (int t = 0; t < whole_batches(tokens); t += kLanes) {
    largest = max(largest, mul(load(w.of + t), load(scales.scale + t)));
    if constexpr (has_zero_point(id)) zero = fma(load(w.of + t), load(scales.zero + t), zero);
  }
  const float most = largest_of(largest);
  w.unit = most / kLargestWeight, w.per_unit = most > 0 ? kLargestWeight / most : 0;
  w.zero = has_zero_point(id) ? sum_of(zero) : 0;
}

inline void quantise_weights(const RunScales& scales, int first, int count, RunWeights* run, BatchWeights& out) {
  for (int q = 0; q < count; ++q) {
    for (int t = 0; t < kBatchTokens; t += kLanes) {
      const Floats scaled = mul(load(run[q].of + first + t), load(scales.scale + first + t));
      const Ints code = round_to_int(mul(scaled, broadcast(run[q].per_unit)));
      store_parts(out.first[q] + t, out.second[q] + t, code);
      add_parts(run[q].sum, code);
    }
  }
}

template <int kQueries, int kVectors>
inline void add_block(const uint8_t* const* tiles, const BatchWeights& weights, int first_query, int channel,
                      int head_dim, Sums& sums) {
  constexpr int kSums = kQueries * kVectors, kAllSums = kPartSums * kSums;
  Ints sum[kAllSums];  // [kPartSums][kQueries][kVectors]
  const auto in_memory = [&](int i) {
    return sums.part[i / kSums][first_query + i % kSums / kVectors] + channel + i % kVectors * kLanes;
  };
  unrolled<kAllSums>([&](auto i) { sum[i] = load_ints(in_memory(i)); });
  for (int quad = 0; quad < kBatchTokens / 4; ++quad) {
    const uint8_t* codes = tiles[quad / 2] + (quad % 2 * head_dim + channel) * 4;
    Bytes x[kVectors];
    unrolled<kVectors>([&](auto v) { x[v] = load_bytes(codes + v * kVectorBytes); });
    unrolled<kQueries>([&](auto q) {
      const Bytes first = broadcast_4(weights.first[first_query + q] + 4 * quad);
      const Bytes second = broadcast_4(weights.second[first_query + q] + 4 * quad);
      unrolled<kVectors>([&](auto v) {
        constexpr int kFirst = q * kVectors + v, kSecond = (kPartSums - 1) * kSums + kFirst;
        sum[kFirst] = dot_part(sum[kFirst], part_of<0>(x[v]), first);
        sum[kSecond] = dot_part(sum[kSecond], part_of<1>(x[v]), second);
      });
    });
  }
  unrolled<kAllSums>([&](auto i) { store_ints(in_memory(i), sum[i]); });
}

template <int kQueries>
inline void add_queries(const uint8_t* const* tiles, const BatchWeights& weights, int first_query, int head_dim,
                        Sums& sums) {
  int c = 0;
  for (; c + kVectorsAtOnce * kLanes <= head_dim; c += kVectorsAtOnce * kLanes) {
    add_block<kQueries, kVectorsAtOnce>(tiles, weights, first_query, c, head_dim, sums);
  }
  for (; c < head_dim; c += kLanes) add_block<kQueries, 1>(tiles, weights, first_query, c, head_dim, sums);
}

inline void add_batch(const uint8_t* const* tiles, const BatchWeights& weights, int count, int head_dim, Sums& sums) {
  int q = 0;
  for (; q + kQueriesAtOnce <= count; q += kQueriesAtOnce) {
    if (kQueriesAtOnce == 3 && count - q == 4) break;  // better 2 and 2 than 3 and 1
    add_queries<kQueriesAtOnce>(tiles, weights, q, head_dim, sums);
  }
  for (; q + 2 <= count; q += 2) add_queries<2>(tiles, weights, q, head_dim, sums);
  for (; q < count; ++q) add_queries<1>(tiles, weights, q, head_dim, sums);
}

inline void clear(Sums& sums, RunWeights* weights, int count, int head_dim) {
  for (int p = 0; p < kPartSums; ++p) {
    for (int q = 0; q < count; ++q) {
      weights[q].sum[p] = broadcast_int(0);
      for (int c = 0; c < head_dim; ++c) sums.part[p][q][c] = 0;
    }
  }
}

// Adds the values of the sums to out, and starts again. Parts apart: each is exact below 2^24, as a whole it rounds
// once.
template <CodecId id>
inline void flush(Sums& sums, RunWeights* weights, int count, int head_dim, float* out) {
  for (int q = 0; q < count; ++q, out += head_dim) {
    const RunWeights& w = weights[q];
    int32_t total[kPartSums];
    for (int p = 0; p < kPartSums; ++p) total[p] = sum_of(w.sum[p]);
    const int32_t whole = kPartSums == 2 ? 256 * total[0] + total[kPartSums - 1] : total[0];
    const Floats offset = broadcast(level_offset(id) * float(whole));
    for (int c = 0; c < head_dim; c += kLanes) {
      Floats sum = to_float(add(load_ints(sums.part[0][q] + c), broadcast_int(-byte_centre(id) * total[0])));
      if constexpr (kPartSums == 2) {
        const Ints low = add(load_ints(sums.part[1][q] + c), broadcast_int(-byte_centre(id) * total[1]));
        sum = fma(sum, broadcast(256), to_float(low));
      }
      store(out + c, fma(add(sum, offset), broadcast(w.unit), load(out + c)));
    }
  }
  clear(sums, weights, count, head_dim);
}

template <CodecId id>
inline void sum_queries(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int count, float* out) {
  const int head_dim = run.layout->head_dim;
  RunScales scales;
  read_scales<id>(run, scales);
  RunWeights found[kMaxQueries];
  for (int q = 0; q < count; ++q) {
    found[q].of = weights + q * stride;
    find_unit<id>(scales, run.tokens, found[q]);
    for (int c = 0; c < head_dim; ++c) out[q * head_dim + c] = found[q].zero;
  }
  Sums sums;
  clear(sums, found, count, head_dim);
  CodeReader<id> reader(run, value_side(*run.layout));
  TileBatch batch;
  BatchWeights codes;
  for (int first = 0; const int tokens = reader.next(batch); first += tokens) {
    if (first > 0 && first % kTokensPerSum == 0) flush<id>(sums, found, count, head_dim, out);
    quantise_weights(scales, first, count, found, codes);
    add_batch(batch.codes, codes, count, head_dim, sums);
  }
  flush<id>(sums, found, count, head_dim, out);
}

template <CodecId id>
[[gnu::flatten]] void sums_of(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int count, float* out) {
  for (int q = 0; q < count; q += kMaxQueries) {
    const int some = count - q < kMaxQueries ? count - q : kMaxQueries;
    sum_queries<id>(run, weights + q * stride, stride, some, out + q * run.layout->head_dim);
  }
}

}  // namespace

void sum_codes(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int count, float* out) {
  visit_integer_codec(tier(run.layout->tier).value,
                      [&](auto id) { sums_of<id.value>(run, weights, stride, count, out); });
}

}  // namespace leankv::LEANKV_ISA_NS
