#include "loader/gguf_parser.h"

#include <limits>
#include <optional>
#include <unordered_set>

#include "loader/byte_reader.h"
#include "loader/printable.h"
#include "loader/tensor_type.h"

namespace leankv {
namespace {

// GGUF specification: magic, version, counts, metadata, tensor infos, padding, data. Version 3 differs from 2 only in
// allowing big-endian files.
constexpr std::string_view kMagic = "GGUF";
constexpr uint32_t kDefaultAlignment = 32;      // bytes; what the specification says when general.alignment is absent
constexpr uint64_t kMinEntryBytes = 8 + 4 + 1;  // key length, type, the smallest value
constexpr uint64_t kMinTensorInfoBytes = 8 + 4 + 8 + 4 + 8;  // name length, dimensions, one of them, type, offset
constexpr uint64_t kMinStringBytes = 8;

std::string quoted(std::string_view name) { return "'" + printable(name) + "'"; }

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& source)
      : reader_(bytes, source), source_(source), size_(bytes.size()) {}

  GgufContents parse() {
    contents_.version = read_version();
    const auto tensors = reader_.read<uint64_t>("the tensor count");
    const auto entries = reader_.read<uint64_t>("the metadata count");
    read_metadata(entries);
    read_tensor_infos(tensors);
    place_tensors();
    return std::move(contents_);
  }

 private:
  [[noreturn]] void unsupported(const std::string& reason) const {
    throw Error(ErrorKind::kUnsupported, source_ + ": " + reason);
  }

  uint32_t read_version() {
    const auto magic = reader_.take(kMagic.size(), "the magic number");
    if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) reader_.fail("not a GGUF file");
    const auto version = reader_.read<uint32_t>("the version");
    // Versions are small: low bytes of zero mean that the number lies in the other byte order.
    if (version != 0 && (version & 0xffffu) == 0) unsupported("a big-endian GGUF file; convert it to little-endian");
    if (version != 2 && version != 3) {
      unsupported("GGUF version " + std::to_string(version) + "; versions 2 and 3 work, convert the file again");
    }
    return version;
  }

  // A lying count is refused here, before anything is done as often as it says.
  void check_count(uint64_t count, uint64_t min_bytes, const std::string& what) const {
    if (count <= reader_.left() / min_bytes) return;
    reader_.fail("damaged or truncated: " + std::to_string(count) + " " + what + " do not fit the " +
                 std::to_string(reader_.left()) + " bytes that are left");
  }

  void read_metadata(uint64_t count) {
    check_count(count, kMinEntryBytes, "metadata entries");
    std::unordered_set<std::string_view> seen;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string_view key = reader_.read_string("a metadata key");
      if (!seen.insert(key).second) reader_.fail("key " + quoted(key) + " occurs twice");
      contents_.metadata.push_back({key, read_value(key)});
      if (key == "general.alignment") set_alignment(contents_.metadata.back().value);
    }
  }

  void set_alignment(const GgufValue& value) {
    const int64_t alignment = value.integer().value_or(0);
    if (alignment <= 0 || alignment % 8 != 0 || alignment > std::numeric_limits<uint32_t>::max()) {
      reader_.fail("general.alignment must be an integer that is a multiple of 8");
    }
    alignment_ = uint64_t(alignment);
  }

  GgufType read_type(std::string_view key) {
    const auto number = reader_.read<uint32_t>("a value's type");
    if (!is_gguf_type(number)) reader_.fail("key " + quoted(key) + " has value type " + std::to_string(number));
    return GgufType(number);
  }

  GgufValue read_value(std::string_view key) {
    GgufValue value;
    value.type = read_type(key);
    if (value.type == GgufType::kArray) {
      value.is_array = true;
      value.type = read_type(key);
      if (value.type == GgufType::kArray) unsupported("key " + quoted(key) + " is an array of arrays");
      value.count = reader_.read<uint64_t>("an array's length");
    }
    value.bytes = value.type == GgufType::kString ? take_strings(value.count, key) : take_scalars(value, key);
    return value;
  }

  std::span<const std::byte> take_scalars(const GgufValue& value, std::string_view key) {
    check_count(value.count, scalar_bytes(value.type), "elements of key " + quoted(key));
    const auto bytes = reader_.take(value.count * scalar_bytes(value.type), "a value");
    if (value.type == GgufType::kBool) {
      for (std::byte b : bytes) {
        if (b > std::byte{1}) reader_.fail("key " + quoted(key) + " holds a truth value that is neither 0 nor 1");
      }
    }
    return bytes;
  }

  std::span<const std::byte> take_strings(uint64_t count, std::string_view key) {
    check_count(count, kMinStringBytes, "texts of key " + quoted(key));
    ByteReader scan = reader_;
    for (uint64_t i = 0; i < count; ++i) scan.read_string("a text");
    return reader_.take(scan.offset() - reader_.offset(), "texts");
  }

  void read_tensor_infos(uint64_t count) {
    check_count(count, kMinTensorInfoBytes, "tensors");
    std::unordered_set<std::string_view> seen;
    for (uint64_t i = 0; i < count; ++i) {
      contents_.tensors.push_back(read_tensor_info());
      const std::string_view name = contents_.tensors.back().name;
      if (!seen.insert(name).second) reader_.fail("tensor " + quoted(name) + " occurs twice");
    }
  }

  TensorInfo read_tensor_info() {
    TensorInfo info;
    info.name = reader_.read_string("a tensor's name");
    const auto dimensions = reader_.read<uint32_t>("a tensor's dimensions");
    if (dimensions < 1 || dimensions > info.shape.size()) {
      reader_.fail("tensor " + quoted(info.name) + " has " + std::to_string(dimensions) + " dimensions, not 1 to 4");
    }
    info.dimensions = int(dimensions);
    read_shape(info);
    info.type_id = reader_.read<uint32_t>("a tensor's type");
    info.offset = reader_.read<uint64_t>("a tensor's offset");
    return info;
  }

  void read_shape(TensorInfo& info) {
    int64_t elements = 1;
    for (int i = 0; i < info.dimensions; ++i) {
      const auto size = reader_.read<uint64_t>("a tensor's shape");
      if (size == 0) reader_.fail("tensor " + quoted(info.name) + " is empty");
      if (size > uint64_t(std::numeric_limits<int64_t>::max() / elements)) {
        reader_.fail("tensor " + quoted(info.name) + " has more than 2^63 elements");
      }
      info.shape[i] = int64_t(size);
      elements *= int64_t(size);
    }
  }

  // Offsets in the file count from the end of the infos, rounded up to the alignment.
  void place_tensors() {
    if (contents_.tensors.empty()) return;
    const uint64_t start = (reader_.offset() + alignment_ - 1) / alignment_ * alignment_;
    if (start > size_) reader_.fail("damaged or truncated: the file ends before its tensors' data");
    for (TensorInfo& info : contents_.tensors) place(info, start);
  }

  void place(TensorInfo& info, uint64_t start) {
    const std::string name = "tensor " + quoted(info.name);
    if (info.offset % alignment_ != 0) {
      reader_.fail(name + " is not aligned to " + std::to_string(alignment_) + " bytes");
    }
    if (info.offset > size_ - start) fail_outside(name);
    info.offset += start;
    const std::optional<TensorType> type = find_tensor_type(info.type_id);
    if (!type) return;
    if (info.shape[0] % type->block_size != 0) {
      reader_.fail(name + " has rows of " + std::to_string(info.shape[0]) + " elements, but " +
                   std::string(type->name) + " comes in blocks of " + std::to_string(type->block_size));
    }
    const uint64_t blocks = uint64_t(info.elements() / type->block_size);
    if (blocks > (size_ - info.offset) / uint64_t(type->block_bytes)) fail_outside(name);
    info.bytes = blocks * uint64_t(type->block_bytes);
  }

  [[noreturn]] void fail_outside(const std::string& name) const {
    reader_.fail("damaged or truncated: the data of " + name + " reaches past the end of the file, " +
                 std::to_string(size_) + " bytes; fetch it again");
  }

  ByteReader reader_;
  std::string source_;
  uint64_t size_;  // bytes of the file
  uint64_t alignment_ = kDefaultAlignment;
  GgufContents contents_;
};

}  // namespace

GgufContents parse_gguf(std::span<const std::byte> bytes, const std::string& source) {
  return Parser(bytes, source).parse();
}

}  // namespace leankv
