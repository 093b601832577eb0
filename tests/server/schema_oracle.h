// A validator of JSON Schema, written from the specification and by itself: what grammars are held against.
#pragma once

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

namespace leankv::test {

using Json = nlohmann::ordered_json;

inline bool is_of_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  return value.is_number() && value.get<double>() == std::floor(value.get<double>());
}

inline int code_points(const std::string& text) {
  return int(std::ranges::count_if(text, [](char c) { return (uint8_t(c) & 0xc0) != 0x80; }));
}

inline bool validates(const Json& root, const Json& schema, const Json& value);

inline bool members_validate(const Json& root, const Json& schema, const Json& value) {
  const Json properties = schema.value("properties", Json::object());
  for (const Json& name : schema.value("required", Json::array())) {
    if (!value.contains(name.get<std::string>())) return false;
  }
  for (const auto& [name, member] : value.items()) {
    const Json own = properties.contains(name) ? properties[name] : schema.value("additionalProperties", Json(true));
    if (!validates(root, own, member)) return false;
  }
  return true;
}

inline bool elements_validate(const Json& root, const Json& schema, const Json& value) {
  const Json prefix = schema.value("prefixItems", Json::array()), rest = schema.value("items", Json(true));
  if (value.size() < schema.value("minItems", 0u) || value.size() > schema.value("maxItems", ~0u)) return false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!validates(root, i < prefix.size() ? prefix[i] : rest, value[i])) return false;
  }
  return true;
}

inline bool text_validates(const Json& schema, const std::string& text) {
  if (code_points(text) < schema.value("minLength", 0) || code_points(text) > schema.value("maxLength", 1 << 30)) {
    return false;
  }
  return !schema.contains("pattern") || std::regex_search(text, std::regex(schema["pattern"].get<std::string>()));
}

inline bool number_validates(const Json& schema, double number) {
  return number >= schema.value("minimum", -HUGE_VAL) && number <= schema.value("maximum", HUGE_VAL) &&
         number > schema.value("exclusiveMinimum", -HUGE_VAL) && number < schema.value("exclusiveMaximum", HUGE_VAL);
}

inline bool validates(const Json& root, const Json& schema, const Json& value) {
  if (schema.is_boolean()) return schema.get<bool>();
  const auto good = [&](const Json& s) { return validates(root, s, value); };
  if (schema.contains("$ref")) {
    if (!good(root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))))) return false;
  }
  if (schema.contains("const") && schema["const"] != value) return false;
  if (schema.contains("enum") && std::ranges::count(schema["enum"], value) == 0) return false;
  if (schema.contains("anyOf") && std::ranges::none_of(schema["anyOf"], good)) return false;
  if (schema.contains("oneOf") && std::ranges::count_if(schema["oneOf"], good) != 1) return false;
  if (schema.contains("allOf") && !std::ranges::all_of(schema["allOf"], good)) return false;
  if (schema.contains("type")) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    if (std::ranges::none_of(types, [&](const Json& t) { return is_of_type(value, t); })) return false;
  }
  if (value.is_object()) return members_validate(root, schema, value);
  if (value.is_array()) return elements_validate(root, schema, value);
  if (value.is_string()) return text_validates(schema, value.get<std::string>());
  return !value.is_number() || number_validates(schema, value.get<double>());
}

}  // namespace leankv::test
