// Questions about one schema that need no automaton.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace leankv {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse_schema(const std::string& place, const std::string& message);

// Throws for keywords that are not held to. `place`: a JSON pointer into the schema.
void check_keywords(const Json& schema, const std::string& place);
// Throws where anything that narrows the value stands beside `keyword`.
void check_alone(const Json& schema, const std::string& keyword, const std::string& place);

// The types that the schema names, or that its keywords tell of; empty: any.
std::vector<std::string> types_of(const Json& schema, const std::string& place);
bool has_type(const Json& value, const std::vector<std::string>& types);

// A whole number from 0 up, or `otherwise` where the keyword is absent.
int count_of(const Json& schema, const char* keyword, int otherwise, const std::string& place);

// The schema that "#/$defs/x" names. Throws where there is none.
const Json& resolve_reference(const Json& root, const std::string& pointer, const std::string& place);

// Throws unless it is plain that no value satisfies two of them: by type, or by a property that both require and whose
// constants differ.
void check_exclusive(const Json& root, const Json& alternatives, const std::string& place);

}  // namespace leankv
