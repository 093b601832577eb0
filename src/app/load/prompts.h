// Pieces of text of a wanted number of tokens, for a server whose tokenizer is not at hand.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/load/http_client.h"
#include "app/load/options.h"

namespace leankv {

class PromptSource {
 public:
  // Asks the server to tokenise the text: where it can, prompts of /v1/completions are token ids and exact. Where it
  // cannot, and for chats, they are text, cut by the bytes per token that the server counted in a first short request.
  static boost::asio::awaitable<PromptSource> make(const HttpClient& client, const LoadOptions& options);

  // What stands at `place`, [0, 1), of the text, which is read in a circle. A text begins and ends between characters.
  nlohmann::ordered_json prompt(double place, int tokens) const;
  bool exact() const { return !ids_.empty(); }

  PromptSource(std::string text, double bytes_per_token) : text_(std::move(text)), bytes_per_token_(bytes_per_token) {}
  explicit PromptSource(std::vector<int> ids) : ids_(std::move(ids)) {}

 private:
  std::vector<int> ids_;
  std::string text_;
  double bytes_per_token_ = 0;
};

// One request's body.
nlohmann::ordered_json request_body(const LoadOptions& options, nlohmann::ordered_json prompt, int output_tokens);

}  // namespace leankv
