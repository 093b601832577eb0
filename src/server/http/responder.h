// The way back to a client.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace leankv {

// What a connection does for the request that it is serving. Every call may come from any thread and returns at once.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void send(HttpResponse response) = 0;
  virtual void promise_stream(std::string content_type) = 0;
  virtual void start_stream(std::string content_type) = 0;
  virtual void write(std::string piece) = 0;
  virtual void end() = 0;
  virtual void when_gone(std::function<void()> call) = 0;
  virtual void post(std::function<void()> call) = 0;
};

// Handed to a handler, which answers with send, or start_stream, any number of write, and end. To send in a stream that
// has begun makes its body the last event. A request whose last Responder goes without an answer gets 500, so that no
// client waits for nothing. Calls keep their order; those after the answer's end, or after the client has gone, do
// nothing.
class Responder {
 public:
  explicit Responder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

  void send(HttpResponse response) const { exchange_->send(std::move(response)); }
  // A stream or an error will come: while neither does, the client is kept awake by comments, for which the stream
  // begins.
  void promise_stream(std::string content_type) const { exchange_->promise_stream(std::move(content_type)); }
  void start_stream(std::string content_type) const { exchange_->start_stream(std::move(content_type)); }
  void write(std::string piece) const { exchange_->write(std::move(piece)); }
  void end() const { exchange_->end(); }

  // Called once, on one of the server's threads, when the client goes or is dropped before the answer's end: at once
  // where that has happened already.
  void when_gone(std::function<void()> call) const { exchange_->when_gone(std::move(call)); }
  // Runs on one of the server's threads, one call of a connection at a time and in order.
  void post(std::function<void()> call) const { exchange_->post(std::move(call)); }

 private:
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace leankv
