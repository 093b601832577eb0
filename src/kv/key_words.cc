#include "kv/key_words.h"

#include <cstring>

#include "base/error.h"
#include "kv/codec.h"

namespace leankv {
namespace {

using Word = uint32_t;

constexpr int kWordBytes = sizeof(Word), kTileTokens = 8, kWordsInLane = kMaxLaneBytes / kWordBytes / kTileTokens;
static_assert(kWordsInLane == 2);

// Four channels' codes in the bytes of a word.
struct Fours {
  Word of[kMaxHeadDim / 4];
};

template <int kPlane>
constexpr Word kMask = ((1u << kPlane) - 1) * 0x01010101u;

// Calls f(byte of the plane, the first four of the word's lowest value); those of the next value are kWordsInLane on.
template <int kPlane, class F>
inline void for_each_word(int head_dim, int token, F f) {
  const int lanes = head_dim * kTileTokens * kPlane / 8 / kMaxLaneBytes;
  for (int lane = 0; lane < lanes; ++lane) {
    for (int j = 0; j < kWordsInLane; ++j) {
      f(lane * kMaxLaneBytes + (j * kTileTokens + token) * kWordBytes, lane * kWordsInLane * 8 / kPlane + j);
    }
  }
}

// kDone bits of every code lie in the planes before this one.
template <int kPlane, int kDone>
inline void write_plane(int head_dim, int token, const Fours& fours, std::byte* plane) {
  for_each_word<kPlane>(head_dim, token, [&](int byte, int first) {
    Word word = 0;
    for (int v = 0; v < 8 / kPlane; ++v) {
      word |= (fours.of[first + v * kWordsInLane] >> kDone & kMask<kPlane>) << v * kPlane;
    }
    std::memcpy(plane + byte, &word, kWordBytes);
  });
}

template <int kPlane, int kDone>
inline void read_plane(int head_dim, int token, const std::byte* plane, Fours& fours) {
  for_each_word<kPlane>(head_dim, token, [&](int byte, int first) {
    Word word;
    std::memcpy(&word, plane + byte, kWordBytes);
    for (int v = 0; v < 8 / kPlane; ++v) {
      Word& four = fours.of[first + v * kWordsInLane];
      const Word codes = (word >> v * kPlane & kMask<kPlane>) << kDone;
      four = kDone == 0 ? codes : four | codes;
    }
  });
}

}  // namespace

void write_key_words(int bits, int head_dim, int token, std::byte* tile, const uint16_t* codes) {
  uint8_t bytes[kMaxHeadDim];
  for (int c = 0; c < head_dim; ++c) bytes[c] = uint8_t(codes[c]);
  Fours fours;
  std::memcpy(fours.of, bytes, std::size_t(head_dim));
  if (bits == 8) return write_plane<8, 0>(head_dim, token, fours, tile);
  if (bits == 4) return write_plane<4, 0>(head_dim, token, fours, tile);
  LEANKV_CHECK(bits == 3 || bits == 2);
  write_plane<2, 0>(head_dim, token, fours, tile);
  if (bits == 3) write_plane<1, 2>(head_dim, token, fours, tile + 2 * head_dim);
}

void read_key_words(int bits, int head_dim, int token, const std::byte* tile, uint16_t* codes) {
  Fours fours;
  if (bits == 8) read_plane<8, 0>(head_dim, token, tile, fours);
  if (bits == 4) read_plane<4, 0>(head_dim, token, tile, fours);
  if (bits <= 3) read_plane<2, 0>(head_dim, token, tile, fours);
  if (bits == 3) read_plane<1, 2>(head_dim, token, tile + 2 * head_dim, fours);
  uint8_t bytes[kMaxHeadDim];
  std::memcpy(bytes, fours.of, std::size_t(head_dim));
  for (int c = 0; c < head_dim; ++c) codes[c] = bytes[c];
}

}  // namespace leankv
