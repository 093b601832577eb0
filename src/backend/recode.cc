#include "backend/recode.h"

#include <algorithm>

#include "backend/recode_head.h"

namespace leankv {
namespace {

// Some layers of a sequence at once. Pages change hands as if head by head, in order: the ring is a queue, so whoever
// takes the n-th page gets the same one however many were given back meanwhile.
class LayerGroup {
 public:
  LayerGroup(KvCache& cache, ThreadPool& threads, const RecodeJob& job, int first, int count)
      : cache_(cache),
        threads_(threads),
        job_(job),
        first_(first * cache.shape().kv_heads),
        moves_(std::size_t(count) * cache.shape().kv_heads) {}

  void run() {
    for_each_head([&](int h) { moves_[h] = HeadRecoder(cache_, job_, first_ + h).take_out(); });
    give_back();
    put_in();
    cache_.note_high_water();
  }

 private:
  template <class F>
  void for_each_head(F f) {
    threads_.run(int(moves_.size()), [&](int h, int) { f(h); });
  }
  // Where each head's slice of the ring begins; last: all of them.
  template <class Count>
  std::vector<uint32_t> slices(Count count) const {
    std::vector<uint32_t> first(moves_.size() + 1, 0);
    for (std::size_t h = 0; h < moves_.size(); ++h) first[h + 1] = first[h] + count(h);
    return first;
  }

  void give_back() {
    const std::vector<uint32_t> first = slices([&](std::size_t h) { return uint32_t(moves_[h].emptied.size()); });
    for_each_head([&](int h) {
      for (uint32_t i = 0; i < moves_[h].emptied.size(); ++i) cache_.ring().put(first[h] + i, moves_[h].emptied[i]);
    });
    cache_.ring().give(first.back());
  }
  void put_in() {
    SequenceState& sequence = cache_.state(job_.slot);
    const TierId old_fresh = sequence.list_tier[kFreshList];
    sequence.list_tier[kFreshList] = job_.fresh_tier;
    const std::vector<uint32_t> first = slices(
        [&](std::size_t h) { return moves_[h].pages_needed(cache_, sequence, sequence.heads[first_ + int(h)]); });
    for_each_head([&](int h) { HeadRecoder(cache_, job_, first_ + h).put_in(moves_[h], first[h]); });
    cache_.ring().take(first.back());
    sequence.list_tier[kFreshList] = old_fresh;  // of the layers still to come
  }

  KvCache& cache_;
  ThreadPool& threads_;
  const RecodeJob& job_;
  int first_;  // index of the first head
  std::vector<HeadMoves> moves_;
};

constexpr int kTasksPerThread = 8;              // that even out their lengths
constexpr int64_t kMostStagedBytes = 16 << 20;  // of more than one layer

// As many layers as keep every thread busy, unless what is copied out of their fresh lists takes too much memory.
int layers_at_once(const KvCache& cache, const ThreadPool& threads, SlotId slot) {
  const int heads = cache.shape().kv_heads, wanted = (kTasksPerThread * threads.size() + heads - 1) / heads;
  const uint32_t fresh = cache.head(slot, 0, 0).tokens[kFreshList];
  const int64_t pages = fresh / uint32_t(cache.list_layout(slot, kFreshList).tokens) + 1;
  const int64_t fitting = kMostStagedBytes / (pages * cache.page_bytes() * heads);
  return int(std::clamp<int64_t>(fitting, 1, wanted));
}

}  // namespace

void recode(KvCache& cache, ThreadPool& threads, const RecodeJob& job) {
  LEANKV_CHECK(cache.can_judge());
  const int layers = cache.shape().layers, step = layers_at_once(cache, threads, job.slot);
  for (int layer = 0; layer < layers; layer += step) {
    LayerGroup(cache, threads, job, layer, std::min(step, layers - layer)).run();
  }
  cache.state(job.slot).list_tier[kFreshList] = job.fresh_tier;
}

}  // namespace leankv
