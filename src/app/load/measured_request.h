// What one request turned out to be, read from the events of its stream.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leankv {

struct MeasuredRequest {
  double sent_s = 0, end_s = 0;                   // since the load began
  std::optional<double> first_s, last_s;          // when its first and its last text came
  int prompt_tokens = 0, output_tokens = 0;       // as the server counted them
  double cache_bytes = 0, cache_bytes_16bit = 0;  // 0: the server does not tell
  std::string error;                              // empty: it was answered

  double first_token_s() const { return first_s.value_or(end_s) - sent_s; }
  double per_token_s() const { return (last_s.value_or(end_s) - first_s.value_or(end_s)) / (output_tokens - 1); }
  double total_s() const { return end_s - sent_s; }

  // data: of one event of /v1/completions or /v1/chat/completions, which came `now_s` after the load began.
  void take_event(std::string_view data, double now_s);
  // status, body: of an answer that was no stream.
  void take_refusal(int status, const std::string& body);
  void end(double now_s);  // what is missing then is an error
};

}  // namespace leankv
