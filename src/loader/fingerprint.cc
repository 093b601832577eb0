#include "loader/fingerprint.h"

#include <algorithm>

namespace leankv {
namespace {

constexpr uint64_t kBytesOfTensor = 256;  // eight blocks of 32 weights and more, whatever the format

// FNV-1a (Fowler, Noll, Vo).
class Hash {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) value_ = (value_ ^ uint64_t(b)) * 0x100000001b3u;
  }
  // Byte by byte, so that it does not depend on the machine.
  void add(uint64_t number) {
    for (int i = 0; i < 8; ++i, number >>= 8) value_ = (value_ ^ (number & 0xff)) * 0x100000001b3u;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

}  // namespace

uint64_t fingerprint(const GgufFile& file) {
  Hash hash;
  for (const TensorInfo& tensor : file.tensors()) {
    hash.add(std::as_bytes(std::span(tensor.name)));
    hash.add(tensor.type_id);
    for (const int64_t n : tensor.shape) hash.add(uint64_t(n));
    hash.add(file.bytes().subspan(tensor.offset, std::min(tensor.bytes, kBytesOfTensor)));
  }
  return hash.value();
}

}  // namespace leankv
