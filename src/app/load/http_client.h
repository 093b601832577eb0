// The asking side of HTTP/1.1: one connection per request, any number of them on one thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace leankv {

// http://host:port/v1, with or without the /v1 that OpenAI's clients want: requests name the whole path below it.
struct ServerUrl {
  std::string host, port;
  std::string folder;  // "" or "/path"
};
ServerUrl parse_server_url(const std::string& text);  // throws kBadOption

struct ClientRequest {
  std::string method, path;
  std::string body;  // JSON
};

struct ClientAnswer {
  int status = 0;
  std::string content_type, body;
};

class HttpClient {
 public:
  using OnPiece = std::function<void(std::string_view)>;

  // Finds the host's addresses. Throws kBadOption where there are none. silence: the longest that nothing may come.
  HttpClient(ServerUrl url, std::string api_key, std::chrono::seconds silence);

  // Throws kBadFile where the server cannot be reached, is silent for too long or breaks off. With on_piece the body of
  // an event stream is handed over as it comes. REQUIRES that the client and what is referred to outlive the call.
  boost::asio::awaitable<ClientAnswer> ask(ClientRequest request, OnPiece on_piece) const;

 private:
  boost::asio::awaitable<ClientAnswer> exchange(const ClientRequest& request, const OnPiece& on_piece) const;

  ServerUrl url_;
  std::string api_key_;
  std::chrono::seconds silence_;
  boost::asio::ip::tcp::resolver::results_type addresses_;
};

}  // namespace leankv
