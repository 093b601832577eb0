// The request that a connection is serving, as its handler holds it.
#pragma once

#include <atomic>

#include "server/http/connection.h"

namespace leankv {

// Carries every call to the connection's strand, where those for a request that is over are dropped.
class Connection::ServedExchange : public Exchange {
 public:
  ServedExchange(std::weak_ptr<Connection> connection, boost::asio::any_io_executor strand, uint64_t serial)
      : connection_(std::move(connection)), strand_(std::move(strand)), serial_(serial) {}
  ~ServedExchange() override;

  void send(HttpResponse response) override;
  void promise_stream(std::string content_type) override;
  void start_stream(std::string content_type) override;
  void write(std::string piece) override;
  void end() override;
  void when_gone(std::function<void()> call) override;
  void post(std::function<void()> call) override;

 private:
  template <class Call>
  void deliver(Call call);

  std::weak_ptr<Connection> connection_;
  boost::asio::any_io_executor strand_;
  uint64_t serial_;
  std::atomic<bool> complete_{false};  // nothing is missing from the answer
};

}  // namespace leankv
