// CudaDenseOps: tokens are drawn where their logits are.
#include "backend/cuda/draw.cuh"

#include <algorithm>

#include "backend/cuda/dense_ops.h"

namespace leankv {
namespace {

// What some draws need, one after the other, on its way to the device.
struct DrawInputs {
  std::vector<DeviceDraw> draws;
  std::vector<LogitEdit> edits;
  std::vector<uint64_t> masks;

  explicit DrawInputs(std::span<const TokenDraw> all) {
    for (const TokenDraw& draw : all) {
      const int64_t mask = draw.allowed.empty() ? -1 : int64_t(masks.size());
      draws.push_back({draw.row, int(edits.size()), int(draw.edits.size()), mask, draw.rule});
      edits.insert(edits.end(), draw.edits.begin(), draw.edits.end());
      masks.insert(masks.end(), draw.allowed.begin(), draw.allowed.end());
    }
  }
};

template <class T>
const T* uploaded_to(Device& device, DeviceArray<T>& memory, const std::vector<T>& values) {
  if (values.empty()) return nullptr;
  memory.reserve(device, values.size());
  device.upload(memory.data(), values.data(), values.size() * sizeof(T));
  return memory.data();
}

}  // namespace

void CudaDenseOps::draw(ConstMatrix logits, std::span<const TokenDraw> draws, std::span<int> tokens) {
  const std::size_t at_once = std::max<std::size_t>(1, kKeysAtOnce / std::size_t(logits.columns));
  for (std::size_t first = 0; first < draws.size(); first += at_once) {
    const std::size_t n = std::min(at_once, draws.size() - first);
    const DrawInputs inputs(draws.subspan(first, n));
    draw_memory_.keys.reserve(device_, n * std::size_t(logits.columns));
    draw_memory_.tokens.reserve(device_, n);
    device_.launch<DrawKernel>({int(n)}, {{logits.data, int(logits.stride)},
                                          logits.columns,
                                          uploaded_to(device_, draw_memory_.draws, inputs.draws),
                                          uploaded_to(device_, draw_memory_.edits, inputs.edits),
                                          uploaded_to(device_, draw_memory_.masks, inputs.masks),
                                          draw_memory_.keys.data(),
                                          draw_memory_.tokens.data()});
    device_.download(&tokens[first], draw_memory_.tokens.data(), n * sizeof(int));
  }
}

}  // namespace leankv
