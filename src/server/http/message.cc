#include "server/http/message.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace leankv {
namespace {

struct StatusType {
  int status;
  std::string_view type;
};
constexpr StatusType kTypes[] = {{401, "authentication_error"}, {403, "permission_error"},
                                 {404, "not_found_error"},      {500, "server_error"},
                                 {501, "not_supported_error"},  {503, "unavailable_error"}};

}  // namespace

std::string_view HttpRequest::header(std::string_view lower_case_name) const {
  const auto found = std::ranges::find(headers, lower_case_name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string HttpRequest::query_value(std::string_view name) const {
  for (std::string_view rest = query; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const std::size_t equals = part.find('=');
    if (part.substr(0, equals) == name) return equals == part.npos ? "" : std::string(part.substr(equals + 1));
  }
  return "";
}

std::string_view error_type(int status) {
  const auto found = std::ranges::find(kTypes, status, &StatusType::status);
  return found == std::end(kTypes) ? "invalid_request_error" : found->type;
}

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse error_response(int status, std::string_view message, std::string_view type, std::string_view param,
                            std::string_view more) {
  std::string body = "{\"error\":{\"code\":" + std::to_string(status) + ",\"message\":" + json_string(message) +
                     ",\"type\":" + json_string(type.empty() ? error_type(status) : type) +
                     ",\"param\":" + (param.empty() ? "null" : json_string(param)) + std::string(more) + "}}";
  return {status, std::move(body)};
}

}  // namespace leankv
