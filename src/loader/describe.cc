#include "loader/describe.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>
#include <string>

#include "base/block_formats.h"
#include "loader/printable.h"
#include "loader/tensor_type.h"

namespace leankv {
namespace {

constexpr std::size_t kMaxTextBytes = 60;     // of one text: a value and its key then fit a line of 120
constexpr std::size_t kMaxElementBytes = 16;  // of a text in an array
constexpr uint64_t kMaxElements = 6;          // of an array
constexpr std::size_t kMaxColumn = 48;        // characters; a longer name breaks the table rather than widen it

std::string quoted(std::string_view text, std::size_t max_bytes) { return '"' + printable(text, max_bytes) + '"'; }

template <class T>
std::string joined(const std::vector<T>& elements) {
  std::ostringstream line;
  for (const T& element : elements) {
    if (&element != elements.data()) line << ", ";
    if constexpr (std::is_same_v<T, std::string_view>) {
      line << quoted(element, kMaxElementBytes);
    } else {
      line << element;
    }
  }
  return line.str();
}

std::string array_text(const GgufValue& array) {
  const GgufValue first = array.prefix(kMaxElements);
  std::string text;
  if (const auto strings = first.strings())
    text = joined(*strings);
  else if (const auto integers = first.integers())
    text = joined(*integers);
  else if (const auto numbers = first.numbers())
    text = joined(*numbers);
  return first.count < array.count ? text + ", ..." : text;
}

std::string value_text(const GgufValue& value) {
  if (value.is_array) return array_text(value);
  if (const auto text = value.string()) return quoted(*text, kMaxTextBytes);
  if (const auto truth = value.boolean()) return *truth ? "true" : "false";
  if (const auto integer = value.integer()) return std::to_string(*integer);
  return joined<double>({value.number().value_or(0)});
}

std::string shape_text(const TensorInfo& info) {
  std::string text;
  for (int i = 0; i < info.dimensions; ++i) text += (i == 0 ? "" : " x ") + std::to_string(info.shape[i]);
  return text;
}

std::string bytes_text(const TensorInfo& info) {
  return find_tensor_type(info.type_id) ? std::to_string(info.bytes) : "unknown";
}

// Width of a column: that of its longest entry.
template <class Range, class Text>
int width(const Range& entries, Text text) {
  std::size_t widest = 0;
  for (const auto& entry : entries) widest = std::max(widest, std::string(text(entry)).size());
  return int(std::min(widest, kMaxColumn));
}

void describe_metadata(const GgufFile& file, std::ostream& out) {
  const auto key = [](const MetadataEntry& entry) { return printable(entry.key); };
  const auto kind = [](const MetadataEntry& entry) { return entry.value.kind(); };
  const int key_width = width(file.metadata(), key), kind_width = width(file.metadata(), kind);
  for (const MetadataEntry& entry : file.metadata()) {
    out << std::left << std::setw(key_width) << key(entry) << "  " << std::setw(kind_width) << kind(entry) << "  "
        << value_text(entry.value) << '\n';
  }
}

void describe_tensors(const GgufFile& file, std::ostream& out) {
  const auto name = [](const TensorInfo& info) { return printable(info.name); };
  const auto type = [](const TensorInfo& info) { return tensor_type_name(info.type_id); };
  const int name_width = width(file.tensors(), name), type_width = width(file.tensors(), type);
  const int shape_width = width(file.tensors(), shape_text), bytes_width = width(file.tensors(), bytes_text);
  for (const TensorInfo& info : file.tensors()) {
    out << std::left << std::setw(name_width) << name(info) << "  " << std::setw(type_width) << type(info) << "  "
        << std::setw(shape_width) << shape_text(info) << "  " << std::right << std::setw(bytes_width)
        << bytes_text(info) << '\n';
  }
}

struct Total {
  int64_t tensors = 0;
  double elements = 0;  // a sum of 63-bit counts, hence not an integer
  uint64_t bytes = 0;
};

void describe_totals(const GgufFile& file, std::ostream& out) {
  std::map<uint32_t, Total> totals;  // by type number
  for (const TensorInfo& info : file.tensors()) {
    Total& total = totals[info.type_id];
    total.tensors += 1;
    total.elements += double(info.elements());
    total.bytes += info.bytes;
  }
  for (const auto& [type_id, total] : totals) {
    out << tensor_type_name(type_id) << ": " << total.tensors << " tensors, " << std::fixed << std::setprecision(2)
        << total.elements / 1e6 << " M weights, " << double(total.bytes) / 1e6 << " MB"
        << (find_weight_format(type_id) == nullptr ? " (not read by this program)" : "") << '\n';
  }
}

}  // namespace

void describe(const GgufFile& file, std::ostream& out) {
  std::ostringstream text;  // so that the caller's stream keeps its flags
  text << file.name() << ": GGUF version " << file.version() << ", " << file.size_bytes() << " bytes, "
       << file.metadata().size() << " keys, " << file.tensors().size() << " tensors\n\n";
  describe_metadata(file, text);
  text << '\n';
  describe_tensors(file, text);
  text << '\n';
  describe_totals(file, text);
  out << text.str();
}

}  // namespace leankv
