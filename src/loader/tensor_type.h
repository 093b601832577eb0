// The size of every tensor type that GGUF files hold, also of those whose numbers this program does not read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leankv {

struct TensorType {
  std::string_view name;
  uint32_t gguf_id;
  int block_size;  // elements per block
  int block_bytes;
};

std::optional<TensorType> find_tensor_type(uint32_t gguf_id);  // nullopt: a number that nothing is known of
std::string tensor_type_name(uint32_t gguf_id);                // "Q4_K", or "type 77" when nothing is known of it

}  // namespace leankv
