#include "server/openai/fields.h"

#include <algorithm>

namespace leankv {

Json parse_object(const std::string& body) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepestJson) {
      throw RequestError(400, "the JSON is too deep: more than " + std::to_string(kDeepestJson) + " levels");
    }
    return true;
  };
  Json json;
  try {
    json = Json::parse(body, shallow);
  } catch (const Json::exception& error) {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at ..."
    throw RequestError(400, "the body is not JSON: " + what.substr(std::min(what.find("] ") + 2, what.size())));
  }
  if (!json.is_object()) throw RequestError(400, "the body must be a JSON object");
  return json;
}

const Json* Fields::find(const char* name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Fields::refuse(const char* name, const std::string& what) const {
  throw RequestError(400, "'" + path(name) + "' " + what, path(name));
}

std::string Fields::text(const char* name, std::string otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) refuse(name, "must be a text");
  return value->get<std::string>();
}

std::string Fields::text(const char* name) const {
  if (!has(name)) refuse(name, "is missing");
  return text(name, "");
}

bool Fields::flag(const char* name, bool otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) refuse(name, "must be true or false");
  return value->get<bool>();
}

double Fields::real(const char* name, double otherwise, double least, double most) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(number >= least && number <= most)) {
    const std::string range = std::isinf(most) ? "a number from " + Json(least).dump() + " up"
                                               : "a number from " + Json(least).dump() + " to " + Json(most).dump();
    refuse(name, "must be " + range);
  }
  return number;
}

int64_t Fields::whole(const char* name, int64_t otherwise, int64_t least, int64_t most) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  const bool is_whole =
      value->is_number_integer() && (!value->is_number_unsigned() || value->get<uint64_t>() <= uint64_t(INT64_MAX));
  if (!is_whole || value->get<int64_t>() < least || value->get<int64_t>() > most) {
    const std::string range = most >= std::numeric_limits<int>::max() ? " up" : " to " + std::to_string(most);
    refuse(name, "must be a whole number from " + std::to_string(least) + range);
  }
  return value->get<int64_t>();
}

std::optional<Fields> Fields::object(const char* name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) refuse(name, "must be an object");
  return Fields(*value, path(name));
}

const Json* Fields::list(const char* name) const {
  const Json* value = find(name);
  if (value != nullptr && !value->is_array()) refuse(name, "must be a list");
  return value;
}

std::vector<std::string> Fields::texts(const char* name) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  const bool good = value->is_array() && std::ranges::all_of(*value, [](const Json& v) { return v.is_string(); });
  if (!good) refuse(name, "must be a text or a list of texts");
  return value->get<std::vector<std::string>>();
}

void Fields::refuse_if_set(const char* name, const std::string& why) const {
  const Json* value = find(name);
  if (value == nullptr || value->empty() || *value == false || *value == 0 || *value == "") return;
  refuse(name, why);
}

void Fields::refuse_others(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : object_.items()) {
    if (std::ranges::count(known, name) == 0) refuse(name.c_str(), "is unknown");
  }
}

}  // namespace leankv
