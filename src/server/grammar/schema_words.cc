#include "server/grammar/schema_words.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace leankv {
namespace {

// Those that say nothing about which values are good.
constexpr std::string_view kRemarks[] = {"title",    "description", "default", "examples",    "$schema",
                                         "$id",      "$comment",    "$defs",   "definitions", "deprecated",
                                         "readOnly", "writeOnly",   "strict",  "name"};
constexpr std::string_view kRules[] = {"type",
                                       "enum",
                                       "const",
                                       "properties",
                                       "required",
                                       "additionalProperties",
                                       "items",
                                       "prefixItems",
                                       "minItems",
                                       "maxItems",
                                       "minLength",
                                       "maxLength",
                                       "pattern",
                                       "format",
                                       "minimum",
                                       "maximum",
                                       "anyOf",
                                       "oneOf",
                                       "allOf",
                                       "$ref",
                                       "exclusiveMinimum",
                                       "exclusiveMaximum"};
constexpr std::string_view kTypes[] = {"object", "array", "string", "number", "integer", "boolean", "null"};

struct Hint {
  std::string_view keyword, type;
};
constexpr Hint kHints[] = {{"properties", "object"}, {"required", "object"},         {"additionalProperties", "object"},
                           {"items", "array"},       {"prefixItems", "array"},       {"minItems", "array"},
                           {"maxItems", "array"},    {"minLength", "string"},        {"maxLength", "string"},
                           {"pattern", "string"},    {"format", "string"},           {"minimum", "number"},
                           {"maximum", "number"},    {"exclusiveMinimum", "number"}, {"exclusiveMaximum", "number"}};

std::string type_of(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_null()) return "null";
  if (value.is_number_float()) {
    const double number = value.get<double>();
    return number == std::floor(number) ? "integer" : "number";
  }
  return "integer";
}

const Json& resolved(const Json& root, const Json& schema, const std::string& place) {
  const Json* s = &schema;
  for (int i = 0; i < 16 && s->is_object() && s->contains("$ref") && (*s)["$ref"].is_string(); ++i) {
    s = &resolve_reference(root, (*s)["$ref"], place);
  }
  return *s;
}

// The constants that a property must have; empty where it may have others.
std::vector<Json> tags(const Json& root, const Json& schema, const std::string& name) {
  if (!schema.is_object() || !schema.contains("required") || !schema.contains("properties")) return {};
  if (std::ranges::count(schema["required"], Json(name)) == 0 || !schema["properties"].contains(name)) return {};
  const Json& property = resolved(root, schema["properties"][name], name);
  if (!property.is_object()) return {};
  if (property.contains("const")) return {property["const"]};
  if (property.contains("enum") && property["enum"].is_array()) return property["enum"].get<std::vector<Json>>();
  return {};
}

bool disjoint(const std::vector<Json>& a, const std::vector<Json>& b) {
  if (a.empty() || b.empty()) return false;
  return std::ranges::none_of(a, [&](const Json& x) { return std::ranges::count(b, x) > 0; });
}

bool exclusive(const Json& root, const Json& a, const Json& b, const std::string& place) {
  if (!a.is_object() || !b.is_object()) return false;
  const auto constants = [](const Json& s) -> std::vector<Json> {
    if (s.contains("const")) return {s["const"]};
    return s.contains("enum") && s["enum"].is_array() ? s["enum"].get<std::vector<Json>>() : std::vector<Json>();
  };
  if (disjoint(constants(a), constants(b))) return true;
  const auto types_a = types_of(a, place), types_b = types_of(b, place);
  const auto overlap = [&](const std::string& t) {
    const bool number = t == "integer" || t == "number";
    return std::ranges::any_of(
        types_b, [&](const std::string& u) { return t == u || (number && (u == "integer" || u == "number")); });
  };
  if (!types_a.empty() && !types_b.empty() && std::ranges::none_of(types_a, overlap)) return true;
  if (types_a != std::vector<std::string>{"object"} || types_b != types_a || !a.contains("properties")) return false;
  return std::ranges::any_of(a["properties"].items(), [&](const auto& item) {
    return disjoint(tags(root, a, item.key()), tags(root, b, item.key()));
  });
}

}  // namespace

void refuse_schema(const std::string& place, const std::string& message) {
  throw Error(ErrorKind::kBadRequest, "JSON schema, " + place + ": " + message);
}

void check_keywords(const Json& schema, const std::string& place) {
  if (!schema.is_object()) refuse_schema(place, "a schema is an object, true or false");
  for (const auto& [keyword, value] : schema.items()) {
    if (std::ranges::count(kRemarks, keyword) + std::ranges::count(kRules, keyword) > 0) continue;
    refuse_schema(place, "the keyword '" + keyword + "' is not supported");
  }
}

void check_alone(const Json& schema, const std::string& keyword, const std::string& place) {
  for (const auto& [other, value] : schema.items()) {
    if (other == keyword || std::ranges::count(kRemarks, other) > 0) continue;
    refuse_schema(place, "the keyword '" + other + "' beside '" + keyword + "' is not supported");
  }
}

std::vector<std::string> types_of(const Json& schema, const std::string& place) {
  std::vector<std::string> types;
  if (schema.contains("type")) {
    const Json& type = schema["type"];
    for (const Json& t : type.is_array() ? type : Json::array({type})) {
      if (!t.is_string() || std::ranges::count(kTypes, t.get<std::string>()) == 0) {
        refuse_schema(place, "'type' " + t.dump() + " is none of JSON's");
      }
      types.push_back(t);
    }
    if (types.empty()) refuse_schema(place, "'type' names none");
    return types;
  }
  for (const Hint& hint : kHints) {
    if (schema.contains(hint.keyword) && std::ranges::count(types, hint.type) == 0) types.emplace_back(hint.type);
  }
  return types;
}

bool has_type(const Json& value, const std::vector<std::string>& types) {
  const std::string type = type_of(value);
  return types.empty() || std::ranges::any_of(types, [&](const std::string& t) {
           return t == type || (t == "number" && type == "integer");
         });
}

int count_of(const Json& schema, const char* keyword, int otherwise, const std::string& place) {
  if (!schema.contains(keyword)) return otherwise;
  const Json& value = schema[keyword];
  const double number = value.is_number() ? value.get<double>() : -1;
  if (!(number >= 0 && number <= std::numeric_limits<int>::max() && number == std::floor(number))) {
    refuse_schema(place, "'" + std::string(keyword) + "' must be a whole number from 0 up");
  }
  return int(number);
}

const Json& resolve_reference(const Json& root, const std::string& pointer, const std::string& place) {
  if (!pointer.starts_with('#')) refuse_schema(place, "'$ref' to '" + pointer + "': only '#/...' is supported");
  try {
    return root.at(Json::json_pointer(pointer.substr(1)));
  } catch (const Json::exception&) {
    refuse_schema(place, "'$ref' to '" + pointer + "': there is nothing");
  }
}

void check_exclusive(const Json& root, const Json& alternatives, const std::string& place) {
  for (std::size_t i = 0; i < alternatives.size(); ++i) {
    for (std::size_t j = i + 1; j < alternatives.size(); ++j) {
      if (exclusive(root, resolved(root, alternatives[i], place), resolved(root, alternatives[j], place), place))
        continue;
      refuse_schema(place, "a value may satisfy the alternatives " + std::to_string(i) + " and " + std::to_string(j) +
                               " of 'oneOf' at once; use 'anyOf', or a required property with a 'const' in each");
    }
  }
}

}  // namespace leankv
