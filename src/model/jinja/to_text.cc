// Texts of values as Python writes them: str, repr and json.dumps.
#include <array>
#include <cmath>

#include "model/jinja/runtime.h"
#include "model/jinja/text.h"

namespace leankv::jinja {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

class Writer {
 public:
  explicit Writer(Runtime& runtime) : runtime_(runtime) {}
  std::string take() { return std::move(out_); }

  void repr(const Value& value) {
    runtime_.charge_steps(1);
    if (value.is(Kind::kString)) return quote(value.text());
    if (value.is(Kind::kDict)) return repr_dict(value.dict());
    if (value.is(Kind::kList) || value.is(Kind::kTuple)) return repr_items(value.items(), value.is(Kind::kTuple));
    if (value.is(Kind::kUndefined)) return put("Undefined");
    scalar(value, "None", "True", "False");
  }

  void text(const Value& value) {
    if (value.is(Kind::kString))
      put(value.text());
    else if (!value.is(Kind::kUndefined))
      repr(value);
  }

  void json(const Value& value, std::optional<int> indent, int depth) {
    runtime_.charge_steps(1);
    if (value.is(Kind::kString)) return json_string(value.text());
    if (value.is(Kind::kDict)) return json_dict(value.dict(), indent, depth);
    if (value.is(Kind::kList) || value.is(Kind::kTuple)) return json_items(value.items(), indent, depth);
    if (value.is(Kind::kFloat) && std::isnan(value.real())) return put("NaN");
    if (value.is(Kind::kFloat) && std::isinf(value.real())) return put(value.real() < 0 ? "-Infinity" : "Infinity");
    scalar(value, "null", "true", "false");
  }

 private:
  void put(std::string_view text) { runtime_.append(out_, text); }

  void scalar(const Value& value, std::string_view none, std::string_view yes, std::string_view no) {
    if (value.is(Kind::kNone))
      put(none);
    else if (value.is(Kind::kBool))
      put(value.whole() != 0 ? yes : no);
    else if (value.is(Kind::kInteger))
      put(std::to_string(value.whole()));
    else if (value.is(Kind::kFloat))
      put(number_text(value.real()));
    else
      runtime_.fail(std::string(kind_name(value)) + " cannot be written as text");
  }

  // Python's repr takes double quotes only when the text has single ones and no double ones.
  void quote(std::string_view text) {
    const char mark = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
    put(std::string_view(&mark, 1));
    for (const char& c : text) {
      if (c == mark || c == '\\') put("\\");
      if (c == '\n')
        put("\\n");
      else if (c == '\r')
        put("\\r");
      else if (c == '\t')
        put("\\t");
      else if (uint8_t(c) < 0x20 || c == 0x7f)
        put_hex("\\x", c);
      else
        put(std::string_view(&c, 1));
    }
    put(std::string_view(&mark, 1));
  }

  void put_hex(std::string_view prefix, char c) {
    const std::array<char, 2> digits = {kHexDigits[uint8_t(c) >> 4], kHexDigits[c & 15]};
    put(prefix);
    put(std::string_view(digits.data(), digits.size()));
  }

  void repr_items(Items items, bool is_tuple) {
    put(is_tuple ? "(" : "[");
    for (std::size_t i = 0; i < items.size; ++i) {
      if (i != 0) put(", ");
      repr(items[i]);
    }
    if (is_tuple && items.size == 1) put(",");
    put(is_tuple ? ")" : "]");
  }

  void repr_dict(const Dict& dict) {
    put("{");
    for (std::size_t i = 0; i < dict.entries.size(); ++i) {
      if (i != 0) put(", ");
      quote(dict.entries[i].first);
      put(": ");
      repr(dict.entries[i].second);
    }
    put("}");
  }

  void json_string(std::string_view text) {
    put("\"");
    for (const char& c : text) {
      static constexpr std::string_view kFrom = "\"\\\n\r\t\f\b", kTo = "\"\\nrtfb";
      if (const std::size_t escape = kFrom.find(c); escape != kFrom.npos) {
        put("\\");
        put(kTo.substr(escape, 1));
      } else if (uint8_t(c) < 0x20) {
        put_hex("\\u00", c);
      } else {
        put(std::string_view(&c, 1));
      }
    }
    put("\"");
  }

  // Before an element: a comma but before the first, and a new line when there is an indent.
  void separate(bool is_first, std::optional<int> indent, int depth) {
    if (!is_first) put(indent ? "," : ", ");
    new_line(indent, depth);
  }
  void new_line(std::optional<int> indent, int depth) {
    if (indent) put("\n" + std::string(std::size_t(*indent * depth), ' '));
  }

  void json_items(Items items, std::optional<int> indent, int depth) {
    if (items.size == 0) return put("[]");
    put("[");
    for (std::size_t i = 0; i < items.size; ++i) {
      separate(i == 0, indent, depth + 1);
      json(items[i], indent, depth + 1);
    }
    new_line(indent, depth);
    put("]");
  }

  void json_dict(const Dict& dict, std::optional<int> indent, int depth) {
    if (dict.entries.empty()) return put("{}");
    put("{");
    for (std::size_t i = 0; i < dict.entries.size(); ++i) {
      separate(i == 0, indent, depth + 1);
      json_string(dict.entries[i].first);
      put(": ");
      json(dict.entries[i].second, indent, depth + 1);
    }
    new_line(indent, depth);
    put("}");
  }

  Runtime& runtime_;
  std::string out_;
};

}  // namespace

std::string to_text(Runtime& runtime, const Value& value) {
  Writer writer(runtime);
  writer.text(value);
  return writer.take();
}

std::string to_json(Runtime& runtime, const Value& value, std::optional<int> indent) {
  Writer writer(runtime);
  writer.json(value, indent, 0);
  return writer.take();
}

}  // namespace leankv::jinja
