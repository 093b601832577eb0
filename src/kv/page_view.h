// Reads and writes the rows of one page, one at a time: what every kernel is held against.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kv/page_layout.h"

namespace leankv {

// One side (key or value) of one token, as stored.
struct StoredRow {
  uint16_t codes[kMaxHeadDim];
  uint8_t scales[kMaxScaleBytes];
};

// A view of a page: neither owns the bytes nor checks that a token was written. REQUIRES 0 <= token < layout.tokens.
class PageView {
 public:
  PageView(const PageLayout& layout, std::byte* page) : layout_(&layout), page_(page) {}

  void write_key(int token, const StoredRow& row);
  void write_value(int token, const StoredRow& row);
  void read_key(int token, StoredRow& row) const;
  void read_value(int token, StoredRow& row) const;
  // Decoded to floats: x [head_dim].
  void decode_key(int token, float* x) const;
  void decode_value(int token, float* x) const;
  uint16_t significance(int token) const;
  void set_significance(int token, uint16_t bits);

 private:
  const PageLayout* layout_;
  std::byte* page_;
};

}  // namespace leankv
