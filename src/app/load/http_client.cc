#include "app/load/http_client.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "base/error.h"

namespace leankv {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kPieceBytes = std::size_t(16) << 10;

}  // namespace

ServerUrl parse_server_url(const std::string& text) {
  const auto refuse = [&](const char* why) { throw Error(ErrorKind::kBadOption, "--url " + text + ": " + why); };
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with("https://")) refuse("HTTPS is not measured: ask the server itself, behind its proxy");
  if (!text.starts_with(kScheme)) refuse("must begin with http://");
  std::string_view rest = std::string_view(text).substr(kScheme.size());
  const std::string_view authority = rest.substr(0, rest.find('/'));
  rest.remove_prefix(authority.size());
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.ends_with("/v1")) rest.remove_suffix(3);
  const std::size_t colon = authority.starts_with('[') ? authority.find(':', authority.find(']')) : authority.find(':');
  std::string_view host = authority.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string port = colon == authority.npos ? "80" : std::string(authority.substr(colon + 1));
  if (host.empty()) refuse("names no host");
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos) refuse("has no valid port");
  return {std::string(host), port, std::string(rest)};
}

HttpClient::HttpClient(ServerUrl url, std::string api_key, std::chrono::seconds silence)
    : url_(std::move(url)), api_key_(std::move(api_key)), silence_(silence) {
  asio::io_context context;
  boost::system::error_code error;
  addresses_ = asio::ip::tcp::resolver(context).resolve(url_.host, url_.port, error);
  if (error) throw Error(ErrorKind::kBadOption, "--url: " + url_.host + ": " + error.message());
}

asio::awaitable<ClientAnswer> HttpClient::ask(ClientRequest request, OnPiece on_piece) const {
  try {
    co_return co_await exchange(request, on_piece);
  } catch (const boost::system::system_error& error) {
    throw Error(ErrorKind::kBadFile, request.method + " http://" + url_.host + ":" + url_.port + request.path + ": " +
                                         error.code().message());
  }
}

asio::awaitable<ClientAnswer> HttpClient::exchange(const ClientRequest& request, const OnPiece& on_piece) const {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  stream.expires_after(silence_);
  co_await stream.async_connect(addresses_, asio::use_awaitable);
  stream.socket().set_option(asio::ip::tcp::no_delay(true));

  http::request<http::string_body> message(http::string_to_verb(request.method), url_.folder + request.path, 11);
  message.set(http::field::host, url_.host);
  message.set(http::field::connection, "close");
  if (!api_key_.empty()) message.set(http::field::authorization, "Bearer " + api_key_);
  if (!request.body.empty()) message.set(http::field::content_type, "application/json");
  message.body() = request.body;
  message.prepare_payload();
  co_await http::async_write(stream, message, asio::use_awaitable);

  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  co_await http::async_read_header(stream, buffer, parser, asio::use_awaitable);
  ClientAnswer answer{int(parser.get().result_int()), std::string(parser.get()[http::field::content_type]), {}};
  const bool hand_over = on_piece && answer.content_type.starts_with("text/event-stream");
  std::array<char, kPieceBytes> piece;
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    stream.expires_after(silence_);
    boost::system::error_code error;
    co_await http::async_read_some(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error && error != http::error::need_buffer) throw boost::system::system_error(error);
    const std::string_view text(piece.data(), piece.size() - parser.get().body().size);
    if (hand_over) {
      on_piece(text);
    } else {
      answer.body += text;
    }
  }
  co_return answer;
}

}  // namespace leankv
