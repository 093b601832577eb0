// A request as handlers see it, and what they answer with.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leankv {

struct HttpRequest {
  std::string method;
  std::string path;                                          // without the query
  std::string query;                                         // "action=save"
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  std::string_view header(std::string_view lower_case_name) const;  // empty where there is none
  std::string query_value(std::string_view name) const;             // empty where there is none
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// The body that every client of this kind of server knows: {"error":{"code","message","type","param"}}. more: further
// members of "error", as JSON text that begins with a comma.
HttpResponse error_response(int status, std::string_view message, std::string_view type = "",
                            std::string_view param = "", std::string_view more = "");
// llama-server's names of an error's type, by status.
std::string_view error_type(int status);
std::string json_string(std::string_view text);  // quoted; bytes that are no UTF-8 become U+FFFD

}  // namespace leankv
