// One client: reads its requests, has them served, writes the answers.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "server/http/options.h"
#include "server/http/router.h"
#include "server/http/transport.h"
#include "server/http/wire.h"

namespace leankv {

class Connection;

// Who is connected. Thread-safe.
class ConnectionRegistry {
 public:
  void add(const std::shared_ptr<Connection>& connection);
  void remove(const Connection* connection);
  int size() const;
  std::vector<std::shared_ptr<Connection>> all() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<const Connection*, std::weak_ptr<Connection>> connections_;
};

// What all connections share; outlives them.
struct ConnectionContext {
  HttpLimits limits;
  std::string cors_origin;
  const Router& router;
  ConnectionRegistry registry;
};

// Alive as long as something is under way for it: a read, a write or a timer. Everything but the public calls runs on
// its strand. It reads all the time, while a request is being served too: that is how it learns that a client has gone.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::any_io_executor strand, std::unique_ptr<Transport> transport, ConnectionContext& context);
  ~Connection();

  // These may come from any thread.
  void start();
  void wind_down();  // closes as soon as no request is being served
  void abort();

 private:
  class ServedExchange;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using ErrorCode = boost::system::error_code;
  enum class Phase { kHandshake, kIdle, kHeader, kBody, kServing, kLingering, kClosed };

  void run(void (Connection::*step)());
  void on_handshake(ErrorCode error);
  void begin_request();
  void read();
  void on_read(ErrorCode error, std::size_t bytes);
  void advance();
  bool advance_once();
  void on_header();
  void refuse_bad_message(ErrorCode error);
  void serve();
  void answer_preflight();

  bool serves(uint64_t serial) const { return phase_ == Phase::kServing && serial == serial_ && !answered_; }
  void answer(HttpResponse response, bool then_close);
  void send(HttpResponse response);
  void promise_stream(std::string content_type);
  void start_stream(std::string content_type);
  void write_piece(std::string_view piece);
  void end_stream();
  void set_when_gone(uint64_t serial, std::function<void()> call);
  void add_cors(HttpResponse& response) const;

  void enqueue(std::string_view bytes);
  void write();
  void on_write(ErrorCode error, std::size_t bytes);
  void finish_answer();
  void linger();
  void gone();

  void arm(boost::asio::steady_timer& timer, std::chrono::milliseconds after, void (Connection::*call)());
  static void disarm(boost::asio::steady_timer& timer);
  void arm_ping();
  void ping();

  boost::asio::any_io_executor strand_;
  std::unique_ptr<Transport> transport_;
  ConnectionContext& context_;
  const HttpLimits& limits_;
  Phase phase_ = Phase::kHandshake;
  bool winding_down_ = false;

  // Apart from input_, whose bytes move when it is parsed, which may be while a read is under way: a request can come
  // before the answer to the last one is known to have gone.
  std::array<char, std::size_t(16) << 10> arriving_;
  boost::beast::flat_buffer input_;
  std::optional<Parser> parser_;
  HttpRequest request_;  // its header while the body is being read
  bool reading_ = false;

  uint64_t serial_ = 0;  // of the request that is being served; counts them
  std::function<void()> when_gone_;
  bool keep_alive_ = true;
  bool head_only_ = false;  // a HEAD request: no body is sent
  bool http_1_0_ = false;
  std::string promised_;    // content type of a stream that is to come
  bool streaming_ = false;  // between start_stream and end_stream
  bool answered_ = false;   // the whole answer is in current_ and pending_
  std::string current_;     // being written, from written_ on
  std::size_t written_ = 0;
  std::string pending_;   // to be written next
  bool writing_ = false;  // a write is under way or about to begin
  boost::asio::steady_timer input_timer_, output_timer_;
};

}  // namespace leankv
