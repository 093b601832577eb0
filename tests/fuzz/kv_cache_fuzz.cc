// Bytes are operations on a small cache (admit, feed, judge, review, drop); after each, the cache must hold what a
// naive model of it holds.
#include "backend/kv_cache_model.h"

namespace {

struct ByteChoice {
  const uint8_t* data;
  const uint8_t* end;
  int operator()(int n) { return data == end ? 0 : *data++ % n; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  ByteChoice next{data, data + size};
  leankv::testing::KvCacheExercise exercise({2, 2, 1, 16}, next);
  while (next.data != next.end) exercise.step();
  exercise.drop_all();
  LEANKV_CHECK(exercise.cache().used_pages() == 0);
  return 0;
}
