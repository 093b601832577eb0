#include "server/grammar/json_schema.h"

#include "base/error.h"
#include "server/grammar/integer_range.h"
#include "server/grammar/pattern.h"
#include "server/grammar/schema_words.h"

namespace leankv {
namespace {

constexpr int kDeepestSchema = 64;

const Json& list_of(const Json& schema, const char* keyword, const std::string& place) {
  const Json& list = schema[keyword];
  if (!list.is_array() || list.empty()) refuse_schema(place, "'" + std::string(keyword) + "' must be a list");
  return list;
}

}  // namespace

RuleId JsonSchema::rule_of(const Json& schema, const std::string& place) {
  if (schema.is_boolean()) return schema.get<bool>() ? rules_.value() : rules_.builder().add_rule();  // nothing
  check_keywords(schema, place);
  if (++depth_ > kDeepestSchema)
    refuse_schema(place, "too deep: more than " + std::to_string(kDeepestSchema) + " levels");
  const RuleId rule = [&] {
    if (schema.contains("$ref")) return reference(schema, place);
    if (schema.contains("const")) return constants({schema["const"]}, schema, place);
    if (schema.contains("enum"))
      return constants(list_of(schema, "enum", place).get<std::vector<Json>>(), schema, place);
    for (const char* keyword : {"anyOf", "oneOf", "allOf"}) {
      if (!schema.contains(keyword)) continue;
      check_alone(schema, keyword, place);
      const Json& list = list_of(schema, keyword, place);
      if (keyword == std::string_view("oneOf")) check_exclusive(root_, list, place);
      if (keyword == std::string_view("allOf") && list.size() > 1) refuse_schema(place, "'allOf' of more than one");
      return alternatives(list, place + "/" + keyword);
    }
    const std::vector<std::string> types = types_of(schema, place);
    if (types.empty()) return rules_.value();
    const RuleId any = rules_.builder().add_rule();
    for (const std::string& type : types) {
      rules_.builder().call(rules_.builder().start(any), typed(type, schema, place), rules_.builder().end(any));
    }
    return any;
  }();
  --depth_;
  return rule;
}

RuleId JsonSchema::reference(const Json& schema, const std::string& place) {
  check_alone(schema, "$ref", place);
  if (!schema["$ref"].is_string()) refuse_schema(place, "'$ref' must be a text");
  const std::string pointer = schema["$ref"];
  if (const auto found = references_.find(pointer); found != references_.end()) return found->second;
  AutomatonBuilder& b = rules_.builder();
  const RuleId rule = references_[pointer] = b.add_rule();
  b.call(b.start(rule), rule_of(resolve_reference(root_, pointer, place), pointer), b.end(rule));
  return rule;
}

RuleId JsonSchema::alternatives(const Json& list, const std::string& place) {
  AutomatonBuilder& b = rules_.builder();
  const RuleId rule = b.add_rule();
  for (std::size_t i = 0; i < list.size(); ++i) {
    b.call(b.start(rule), rule_of(list[i], place + "/" + std::to_string(i)), b.end(rule));
  }
  return rule;
}

RuleId JsonSchema::constants(const std::vector<Json>& values, const Json& schema, const std::string& place) {
  for (const auto& [keyword, value] : schema.items()) {
    if (keyword == "type" || keyword == "const" || keyword == "enum") continue;
    Json rest = schema;
    rest.erase("type");
    check_alone(rest, schema.contains("const") ? "const" : "enum", place);
  }
  AutomatonBuilder& b = rules_.builder();
  const RuleId rule = b.add_rule();
  const std::vector<std::string> types = types_of(schema, place);
  for (const Json& value : values) {
    if (has_type(value, types)) b.skip(b.text(b.start(rule), value.dump()), b.end(rule));
  }
  return rule;
}

RuleId JsonSchema::typed(const std::string& type, const Json& schema, const std::string& place) {
  if (type == "object") return object_rule(schema, place);
  if (type == "array") return array_rule(schema, place);
  if (type == "string") return string_rule(schema, place);
  if (type == "integer") return integer_rule(schema, place);
  AutomatonBuilder& b = rules_.builder();
  const RuleId rule = b.add_rule();
  if (type == "number") {
    for (const char* bound : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
      if (schema.contains(bound)) refuse_schema(place, "'" + std::string(bound) + "' is supported for integers only");
    }
    return rules_.number();
  }
  if (type == "null") {
    b.skip(b.text(b.start(rule), "null"), b.end(rule));
  } else {
    for (const char* word : {"true", "false"}) b.skip(b.text(b.start(rule), word), b.end(rule));
  }
  return rule;
}

RuleId JsonSchema::string_rule(const Json& schema, const std::string& place) {
  const int least = count_of(schema, "minLength", 0, place), most = count_of(schema, "maxLength", -1, place);
  std::string pattern;
  if (schema.contains("pattern")) {
    if (!schema["pattern"].is_string()) refuse_schema(place, "'pattern' must be a text");
    pattern = schema["pattern"];
  } else if (schema.contains("format")) {
    pattern = pattern_of_format(schema["format"].is_string() ? schema["format"] : Json(""), place);
  }
  const bool has_pattern = schema.contains("pattern") || schema.contains("format");
  const bool has_length = least > 0 || most >= 0;
  if (has_pattern && (has_length || (schema.contains("pattern") && schema.contains("format")))) {
    refuse_schema(place, "'pattern', 'format' and lengths exclude each other here; write the length into the pattern");
  }
  if (!has_pattern && !has_length) return rules_.string();
  if (most >= 0 && most < least) refuse_schema(place, "'maxLength' is less than 'minLength'");
  AutomatonBuilder& b = rules_.builder();
  const RuleId rule = b.add_rule();
  const NodeId inside = b.bytes(b.start(rule), '"', '"');
  const NodeId last = has_pattern ? draw_pattern(rules_, inside, pattern, place)
                                  : rules_.repeat(inside, rules_.character(), least, most);
  b.bytes(last, '"', '"', b.end(rule));
  return rule;
}

RuleId JsonSchema::integer_rule(const Json& schema, const std::string& place) {
  const IntegerRange range = integer_range(schema, place);
  return range.bounded() ? draw_integers(rules_, range) : rules_.integer();
}

RuleId JsonSchema::key_rule(const std::string& name) {
  AutomatonBuilder& b = rules_.builder();
  const RuleId rule = b.add_rule();
  b.skip(b.text(b.start(rule), Json(name).dump()), b.end(rule));
  return rule;
}

// In the order of the properties: `none` while no member has been written, `some` behind one.
RuleId JsonSchema::object_rule(const Json& schema, const std::string& place) {
  const Json properties = schema.value("properties", Json::object());
  if (!properties.is_object()) refuse_schema(place, "'properties' must be an object");
  const Json required = schema.value("required", Json::array());
  const Json more = schema.value("additionalProperties", Json(!schema.contains("properties")));
  const Json unnamed = schema.value("additionalProperties", Json(true));  // of required properties without a schema
  if (!required.is_array()) refuse_schema(place, "'required' must be a list of names");
  std::vector<std::pair<std::string, const Json*>> members;
  for (const auto& [name, property] : properties.items()) members.emplace_back(name, &property);
  for (const Json& name : required) {
    if (!name.is_string()) refuse_schema(place, "'required' must be a list of names");
    if (!properties.contains(name.get<std::string>())) members.emplace_back(name, &unnamed);
  }
  AutomatonBuilder& b = rules_.builder();
  const RuleId rule = b.add_rule();
  NodeId none = b.call(b.bytes(b.start(rule), '{', '{'), rules_.white_space()), some = b.add_node();
  std::vector<std::string> names;
  for (const auto& [name, property] : members) {
    const RuleId member = rules_.member(key_rule(name), rule_of(*property, place + "/properties/" + name));
    const NodeId after = b.add_node();
    b.call(none, member, after);
    b.call(b.call(b.bytes(some, ',', ','), rules_.white_space()), member, after);
    const NodeId none_yet = b.add_node();
    if (std::ranges::count(required, Json(name)) == 0) {
      b.skip(none, none_yet);
      b.skip(some, after);
    }
    none = none_yet;
    some = after;
    names.push_back(name);
  }
  if (more != Json(false)) {
    const RuleId member = rules_.member(rules_.other_key(names), rule_of(more, place + "/additionalProperties"));
    b.call(none, member, some);
    b.call(b.call(b.bytes(some, ',', ','), rules_.white_space()), member, some);
  }
  const NodeId last = b.call(some, rules_.white_space());
  b.skip(none, last);
  b.bytes(last, '}', '}', b.end(rule));
  return rule;
}

RuleId JsonSchema::element_rule(const Json& schema, std::size_t index, const std::string& place) {
  const Json prefix = schema.value("prefixItems", Json::array());
  if (!prefix.is_array()) refuse_schema(place, "'prefixItems' must be a list");
  if (index < prefix.size()) {
    return rule_of(schema["prefixItems"][index], place + "/prefixItems/" + std::to_string(index));
  }
  if (schema.contains("items")) return rule_of(schema["items"], place + "/items");
  return prefix.empty() ? rules_.value() : rules_.builder().add_rule();
}

RuleId JsonSchema::array_rule(const Json& schema, const std::string& place) {
  const int least = count_of(schema, "minItems", 0, place), most = count_of(schema, "maxItems", -1, place);
  if (most >= 0 && most < least) refuse_schema(place, "'maxItems' is less than 'minItems'");
  const std::size_t prefix = schema.contains("prefixItems") ? schema["prefixItems"].size() : 0;
  AutomatonBuilder& b = rules_.builder();
  const RuleId rule = b.add_rule(), rest = element_rule(schema, prefix, place);
  NodeId at = b.call(b.bytes(b.start(rule), '[', '['), rules_.white_space());
  const NodeId last = b.add_node();
  const int single = std::max({least, most, int(prefix), 1});  // elements that are drawn one by one
  for (int i = 0; i < (most >= 0 ? std::min(single, most) : single); ++i) {
    const NodeId closing = i == 0 ? at : b.call(at, rules_.white_space());
    if (i >= least) b.skip(closing, last);
    if (i > 0) at = b.call(b.bytes(at, ',', ','), rules_.white_space());
    at = b.call(at, std::size_t(i) < prefix ? element_rule(schema, std::size_t(i), place) : rest);
  }
  if (most < 0) b.call(b.call(b.bytes(at, ',', ','), rules_.white_space()), rest, at);
  if (most == 0) b.skip(at, last);
  b.call(at, rules_.white_space(), last);
  b.bytes(last, ']', ']', b.end(rule));
  return rule;
}

}  // namespace leankv
