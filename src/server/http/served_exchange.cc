#include "server/http/served_exchange.h"

#include <boost/asio/post.hpp>

namespace leankv {

namespace asio = boost::asio;

template <class Call>
void Connection::ServedExchange::deliver(Call call) {
  asio::post(strand_, [weak = connection_, serial = serial_, call = std::move(call)]() mutable {
    const std::shared_ptr<Connection> connection = weak.lock();
    if (connection != nullptr && connection->serves(serial)) call(*connection);
  });
}

Connection::ServedExchange::~ServedExchange() {
  if (complete_ || connection_.expired()) return;
  deliver([](Connection& c) { c.send(error_response(500, "The request was dropped without an answer")); });
}

void Connection::ServedExchange::send(HttpResponse response) {
  complete_ = true;
  deliver([response = std::move(response)](Connection& c) mutable { c.send(std::move(response)); });
}

void Connection::ServedExchange::promise_stream(std::string content_type) {
  deliver([type = std::move(content_type)](Connection& c) mutable { c.promise_stream(std::move(type)); });
}

void Connection::ServedExchange::start_stream(std::string content_type) {
  deliver([type = std::move(content_type)](Connection& c) mutable { c.start_stream(std::move(type)); });
}

void Connection::ServedExchange::write(std::string piece) {
  deliver([piece = std::move(piece)](Connection& c) { c.write_piece(piece); });
}

void Connection::ServedExchange::end() {
  complete_ = true;
  deliver([](Connection& c) { c.end_stream(); });
}

void Connection::ServedExchange::when_gone(std::function<void()> call) {
  asio::post(strand_, [weak = connection_, serial = serial_, call = std::move(call)]() mutable {
    if (const std::shared_ptr<Connection> c = weak.lock()) return c->set_when_gone(serial, std::move(call));
    call();
  });
}

void Connection::ServedExchange::post(std::function<void()> call) { asio::post(strand_, std::move(call)); }

}  // namespace leankv
