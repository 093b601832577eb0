// Reads a JSON object strictly: what is there must be of its kind, or the client is told the field's name.
#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "server/openai/request_error.h"

namespace leankv {

using Json = nlohmann::ordered_json;

// Throws 400 for what is no JSON object, or lists and objects in each other deeper than kDeepestJson.
inline constexpr int kDeepestJson = 100;
Json parse_object(const std::string& body);

// A view; the object must outlive it. A field that is null counts as absent, as in OpenAI's API.
class Fields {
 public:
  explicit Fields(const Json& object, std::string path = "") : object_(object), path_(std::move(path)) {}

  const Json* find(const char* name) const;
  bool has(const char* name) const { return find(name) != nullptr; }
  std::string path(const char* name) const { return path_.empty() ? name : path_ + "." + name; }
  [[noreturn]] void refuse(const char* name, const std::string& what) const;

  std::string text(const char* name, std::string otherwise) const;
  std::string text(const char* name) const;  // which must be there
  bool flag(const char* name, bool otherwise) const;
  double real(const char* name, double otherwise, double least, double most) const;
  int64_t whole(const char* name, int64_t otherwise, int64_t least, int64_t most) const;
  int count(const char* name, int otherwise, int least, int most = std::numeric_limits<int>::max()) const {
    return int(whole(name, otherwise, least, most));
  }
  std::optional<Fields> object(const char* name) const;
  const Json* list(const char* name) const;  // nullptr where absent
  // A text or a list of texts; empty where absent.
  std::vector<std::string> texts(const char* name) const;
  // Throws for a field that is neither absent, nor null, nor one of those that change nothing: false, 0, "" and empty.
  void refuse_if_set(const char* name, const std::string& why) const;
  // Throws for every field that is not in the list.
  void refuse_others(std::initializer_list<std::string_view> known) const;

  const Json& json() const { return object_; }

 private:
  const Json& object_;
  std::string path_;
};

}  // namespace leankv
