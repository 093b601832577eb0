#include "app/eval/json_text.h"

namespace leankv {
namespace {

using Json = nlohmann::ordered_json;

std::string on_one_line(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string json_text(const Json& value, int indentation) {
  const std::string line = on_one_line(value);
  if (!value.is_structured() || line.size() <= kJsonLine) return line;
  std::string text(1, line.front());
  const std::string inner(std::size_t(indentation) + 1, ' ');
  for (auto member = value.begin(); member != value.end(); ++member) {
    text += (member == value.begin() ? "\n" : ",\n") + inner;
    if (value.is_object()) text += on_one_line(member.key()) + ": ";
    text += json_text(*member, indentation + 1);
  }
  return text + "\n" + std::string(std::size_t(indentation), ' ') + line.back();
}

}  // namespace leankv
