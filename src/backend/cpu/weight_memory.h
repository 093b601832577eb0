// Memory of packed weights: pieces that double in size, on huge pages, handed out in order and freed together.
//
// A decode step reads every weight once, through more pages of 4 KiB than the address caches hold; on huge pages the
// linear layers of a 135M model are read a fifth faster (docs/performance.md).
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace leankv {

class WeightMemory {
 public:
  // Uninitialised bytes that start on a cache line; valid as long as this object.
  std::byte* take(size_t bytes);

 private:
  static constexpr std::align_val_t kHugePage{2 << 20};
  struct Release {
    void operator()(std::byte* data) const { ::operator delete(data, kHugePage); }
  };
  void add_piece(size_t bytes);

  std::vector<std::unique_ptr<std::byte[], Release>> pieces_;
  std::byte* next_ = nullptr;              // in the last piece
  size_t left_ = 0;                        // bytes there
  size_t next_piece_ = size_t(kHugePage);  // bytes
};

}  // namespace leankv
