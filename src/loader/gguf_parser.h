// Turns the bytes of a GGUF file into its table of contents. What gguf.h is made of; include that instead.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loader/gguf_value.h"

namespace leankv {

struct MetadataEntry {
  std::string_view key;
  GgufValue value;
};

struct TensorInfo {
  std::string_view name;
  uint32_t type_id = 0;                         // ggml_type number; any, also one that nothing is known of
  int dimensions = 0;                           // 1 to 4
  std::array<int64_t, 4> shape = {1, 1, 1, 1};  // elements, contiguous dimension first; each >= 1
  uint64_t offset = 0;                          // of the first byte, from the start of the file
  uint64_t bytes = 0;                           // 0 when nothing is known of the type

  int64_t elements() const { return shape[0] * shape[1] * shape[2] * shape[3]; }  // the parser refuses overflow
};

struct GgufContents {
  uint32_t version = 0;  // 2 or 3
  std::vector<MetadataEntry> metadata;
  std::vector<TensorInfo> tensors;
};

// Views into bytes come back. Throws kBadFile or kUnsupported, starting with the source's name. When it returns: keys
// and tensor names are unique, every value lies in the bytes, so does every tensor of a type that is known, aligned as
// the file says. Allocates no more than a small multiple of the bytes that it has read by then.
GgufContents parse_gguf(std::span<const std::byte> bytes, const std::string& source);

}  // namespace leankv
