// Stored rows as values: read from a cache, compared, lowered as the codecs say.
#pragma once

#include <utility>
#include <vector>

#include "backend/kv_cache.h"
#include "kv/page_view.h"
#include "kv/quantise.h"

namespace leankv::testing {

// One side of one token as stored: comparable, so that rows can be told apart.
struct RowBytes {
  std::vector<uint16_t> codes;
  std::vector<uint8_t> scales;
  auto operator<=>(const RowBytes&) const = default;
};
struct TokenRow {
  RowBytes key, value;
  auto operator<=>(const TokenRow&) const = default;
};

inline RowBytes encoded(CodecId id, const std::vector<float>& x) {
  RowBytes row{std::vector<uint16_t>(x.size()), std::vector<uint8_t>(scale_bytes(id, int(x.size())))};
  encode_row(id, x.data(), int(x.size()), row.codes.data(), row.scales.data());
  return row;
}
inline std::vector<float> decoded(CodecId id, const RowBytes& row) {
  std::vector<float> x(row.codes.size());
  decode_row(id, row.codes.data(), row.scales.data(), int(x.size()), x.data());
  return x;
}
inline RowBytes recoded(CodecId from, CodecId to, const RowBytes& row) {
  return from == to ? row : encoded(to, decoded(from, row));
}
inline TokenRow recoded(TierId from, TierId to, const TokenRow& row) {
  return {recoded(tier(from).key, tier(to).key, row.key), recoded(tier(from).value, tier(to).value, row.value)};
}

inline RowBytes row_bytes(CodecId id, int head_dim, const StoredRow& row) {
  return {std::vector<uint16_t>(row.codes, row.codes + head_dim),
          std::vector<uint8_t>(row.scales, row.scales + scale_bytes(id, head_dim))};
}

// The rows of one list as the cache holds them, in bag order.
inline std::vector<TokenRow> rows_of(const KvCache& cache, SlotId slot, int index, int list) {
  std::vector<TokenRow> rows;
  const PageLayout& layout = cache.list_layout(slot, list);
  cache.state(slot).heads[index].for_each_page(list, layout.tokens, [&](PageId id, int tokens) {
    const PageView page(layout, const_cast<std::byte*>(cache.page(id)));
    for (int t = 0; t < tokens; ++t) {
      StoredRow key, value;
      page.read_key(t, key), page.read_value(t, value);
      rows.push_back({row_bytes(tier(layout.tier).key, layout.head_dim, key),
                      row_bytes(tier(layout.tier).value, layout.head_dim, value)});
    }
  });
  return rows;
}

}  // namespace leankv::testing
