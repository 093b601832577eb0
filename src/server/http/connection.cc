#include "server/http/connection.h"

#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>

#include "base/error.h"
#include "server/http/served_exchange.h"

namespace leankv {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t kReadAhead = std::size_t(64) << 10;  // of the next requests, while one is being served

int status_of(boost::system::error_code error) {
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit) return 431;
  return 400;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return lower;
}

template <class Message>
HttpRequest header_of(const Message& message) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    request.headers.emplace_back(lower_case(std::string(field.name_string())), std::string(field.value()));
  }
  return request;
}

}  // namespace

void ConnectionRegistry::add(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard lock(mutex_);
  connections_.emplace(connection.get(), connection);
}

void ConnectionRegistry::remove(const Connection* connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
}

int ConnectionRegistry::size() const {
  const std::lock_guard lock(mutex_);
  return int(connections_.size());
}

std::vector<std::shared_ptr<Connection>> ConnectionRegistry::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Connection>> alive;
  for (const auto& [key, connection] : connections_) {
    if (auto held = connection.lock()) alive.push_back(std::move(held));
  }
  return alive;
}

Connection::Connection(asio::any_io_executor strand, std::unique_ptr<Transport> transport, ConnectionContext& context)
    : strand_(std::move(strand)),
      transport_(std::move(transport)),
      context_(context),
      limits_(context.limits),
      input_timer_(strand_),
      output_timer_(strand_) {}

Connection::~Connection() { context_.registry.remove(this); }

void Connection::run(void (Connection::*step)()) {
  asio::post(strand_, [self = shared_from_this(), step] { (self.get()->*step)(); });
}

void Connection::start() {
  context_.registry.add(shared_from_this());
  asio::post(strand_, [self = shared_from_this()] {
    self->arm(self->input_timer_, self->limits_.header, &Connection::gone);
    self->transport_->handshake([self](ErrorCode error) { self->on_handshake(error); });
  });
}

void Connection::wind_down() {
  asio::post(strand_, [self = shared_from_this()] {
    self->winding_down_ = true;
    if (self->phase_ == Phase::kIdle || self->phase_ == Phase::kHandshake) self->gone();
  });
}

void Connection::abort() { run(&Connection::gone); }

void Connection::on_handshake(ErrorCode error) {
  if (error || phase_ != Phase::kHandshake) return gone();
  begin_request();
}

void Connection::begin_request() {
  phase_ = Phase::kIdle;
  if (winding_down_) return gone();
  parser_.emplace();
  parser_->eager(false);
  parser_->header_limit(uint32_t(limits_.header_bytes));
  parser_->body_limit(limits_.body_bytes);
  request_ = {};
  arm(input_timer_, limits_.idle, &Connection::gone);
  advance();
}

void Connection::read() {
  if (reading_ || phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kServing && input_.size() >= kReadAhead) return;
  reading_ = true;
  transport_->read_some(
      boost::asio::buffer(arriving_),
      [self = shared_from_this()](ErrorCode error, std::size_t bytes) { self->on_read(error, bytes); });
}

void Connection::on_read(ErrorCode error, std::size_t bytes) {
  reading_ = false;
  if (error) return gone();
  if (phase_ == Phase::kLingering) return read();  // what comes now is not looked at
  input_.commit(boost::asio::buffer_copy(input_.prepare(bytes), boost::asio::buffer(arriving_, bytes)));
  if (phase_ == Phase::kServing) return read();
  advance();
}

// Parses what there is, then asks for more.
void Connection::advance() {
  while (input_.size() > 0 && advance_once()) {
  }
  read();
}

// False when the request needs more bytes, or has all of them.
bool Connection::advance_once() {
  if (phase_ != Phase::kIdle && phase_ != Phase::kHeader && phase_ != Phase::kBody) return false;
  if (phase_ == Phase::kIdle) {
    phase_ = Phase::kHeader;
    arm(input_timer_, limits_.header, &Connection::gone);
  }
  ErrorCode error;
  const std::size_t used = parser_->put(input_.data(), error);
  input_.consume(used);
  if (error && error != http::error::need_more) return refuse_bad_message(error), false;
  if (phase_ == Phase::kHeader && parser_->is_header_done()) on_header();
  if (phase_ == Phase::kBody && parser_->is_done()) return serve(), false;
  if (phase_ == Phase::kBody) arm(input_timer_, limits_.body, &Connection::gone);
  return !error;
}

// Refuses here what needs no body: a client that asks before it sends (Expect) is told not to.
void Connection::on_header() {
  keep_alive_ = parser_->keep_alive();
  http_1_0_ = parser_->get().version() < 11;
  request_ = header_of(parser_->get());
  head_only_ = request_.method == "HEAD";
  if (head_only_) request_.method = "GET";
  if (request_.method == "OPTIONS" && !context_.cors_origin.empty()) return answer_preflight();
  if (std::optional<HttpResponse> refusal = context_.router.refusal(request_)) {
    return answer(std::move(*refusal), !parser_->is_done());
  }
  phase_ = Phase::kBody;
  parser_->eager(true);
  if (lower_case(request_.header("expect")) == "100-continue" && !parser_->is_done()) enqueue(kContinue);
}

void Connection::answer_preflight() {
  HttpResponse response{204, "", ""};
  response.headers = {{"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
                      {"Access-Control-Allow-Headers", "Authorization, Content-Type, X-API-Key"},
                      {"Access-Control-Max-Age", "600"}};
  answer(std::move(response), !parser_->is_done());
}

void Connection::refuse_bad_message(ErrorCode error) {
  const int status = status_of(error);
  http_1_0_ = false;
  std::string message = "The request is not HTTP: " + error.message();
  if (status == 413) message = "The body is larger than " + std::to_string(limits_.body_bytes) + " bytes";
  if (status == 431) message = "The header is larger than " + std::to_string(limits_.header_bytes) + " bytes";
  answer(error_response(status, message), true);
}

void Connection::serve() {
  request_.body = std::move(parser_->get().body());
  phase_ = Phase::kServing;
  disarm(input_timer_);
  answered_ = false;
  const Responder responder(std::make_shared<ServedExchange>(weak_from_this(), strand_, ++serial_));
  try {
    context_.router.find(request_)(request_, responder);
  } catch (const Error& error) {
    responder.send(error_response(400, error.what()));
  } catch (const std::exception& error) {
    responder.send(error_response(500, error.what()));
  }
  request_ = {};
}

}  // namespace leankv
