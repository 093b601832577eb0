// Schemas that clients send, and corners of the ones that are supported.
#pragma once

namespace leankv::test {

inline constexpr const char* kSchemas[] = {
    R"({})",
    R"({"type":"object"})",
    R"({"type":"string"})",
    R"({"type":["integer","null"]})",
    R"({"type":"number"})",
    R"({"type":"boolean"})",
    R"({"const":{"a":[1,"\u00e9\n"]}})",
    R"({"enum":["red","green",3,null,[1,2]]})",
    R"({"type":"string","enum":["a","ab","abc",7]})",
    R"({"type":"string","minLength":3,"maxLength":6})",
    R"({"type":"string","maxLength":0})",
    R"({"type":"string","pattern":"^[A-Z]{2}-\\d+(a|bc)?$"})",
    R"({"type":"string","pattern":"x[^\"y]z"})",
    R"({"type":"integer","minimum":-17,"maximum":1203})",
    R"({"type":"integer","exclusiveMinimum":9,"maximum":12})",
    R"({"type":"integer","minimum":95})",
    R"({"type":"integer","maximum":-8})",
    R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":4})",
    R"({"type":"array","items":{"type":"boolean"},"maxItems":0})",
    R"({"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":{"type":"null"},"minItems":1})",
    R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0},
        "tags":{"type":"array","items":{"type":"string"}}},"required":["name","age"],"additionalProperties":false})",
    R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"boolean"},"c":{"const":1}}})",
    R"({"type":"object","properties":{"na":{"type":"integer"},"name":{"type":"integer"}},
        "additionalProperties":{"type":"string"}})",
    R"({"type":"object","required":["x"],"properties":{"y":{"type":"null"}}})",
    R"({"anyOf":[{"type":"integer"},{"type":"object","properties":{"k":{"type":"string"}},"required":["k"]}]})",
    R"({"oneOf":[{"type":"object","properties":{"t":{"const":"cat"},"n":{"type":"integer"}},"required":["t","n"]},
        {"type":"object","properties":{"t":{"const":"dog"},"m":{"type":"string"}},"required":["t","m"]}]})",
    R"({"$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},
        "children":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["value","children"]}},
        "$ref":"#/$defs/node"})",
    R"({"allOf":[{"type":"string","maxLength":2}],"title":"T","description":"d"})",
    R"({"type":"object","properties":{"never":false,"x":{"anyOf":[{"type":"integer"},{"$ref":"#"}]}}})",
};

}  // namespace leankv::test
