#include "loader/tensor_type.h"

#include "base/block_formats.h"

namespace leankv {
namespace {

// ggml's enum ggml_type and block sizes, without those of weight_formats(). Q4_2, Q4_3 and the repacked types, whose
// numbers are missing, were withdrawn from the format.
constexpr TensorType kUnread[] = {
    {"Q8_1", 9, 32, 40},      {"Q2_K", 10, 256, 84},   {"Q3_K", 11, 256, 110},   {"Q8_K", 15, 256, 292},
    {"IQ2_XXS", 16, 256, 66}, {"IQ2_XS", 17, 256, 74}, {"IQ3_XXS", 18, 256, 98}, {"IQ1_S", 19, 256, 50},
    {"IQ4_NL", 20, 32, 18},   {"IQ3_S", 21, 256, 110}, {"IQ2_S", 22, 256, 82},   {"IQ4_XS", 23, 256, 136},
    {"I8", 24, 1, 1},         {"I16", 25, 1, 2},       {"I32", 26, 1, 4},        {"I64", 27, 1, 8},
    {"F64", 28, 1, 8},        {"IQ1_M", 29, 256, 56},  {"TQ1_0", 34, 256, 54},   {"TQ2_0", 35, 256, 66},
    {"MXFP4", 39, 32, 17},    {"NVFP4", 40, 64, 36},   {"Q1_0", 41, 128, 18},
};

}  // namespace

std::optional<TensorType> find_tensor_type(uint32_t gguf_id) {
  if (const WeightFormat* format = find_weight_format(gguf_id)) {
    return TensorType{format->name, gguf_id, format->block_size, format->block_bytes};
  }
  for (const TensorType& type : kUnread) {
    if (type.gguf_id == gguf_id) return type;
  }
  return std::nullopt;
}

std::string tensor_type_name(uint32_t gguf_id) {
  const std::optional<TensorType> type = find_tensor_type(gguf_id);
  return type ? std::string(type->name) : "type " + std::to_string(gguf_id);
}

}  // namespace leankv
