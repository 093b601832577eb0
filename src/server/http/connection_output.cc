// The writing half of a connection: answers, streams, and what happens to clients that do not read.
#include "server/http/connection.h"

namespace leankv {

namespace asio = boost::asio;

void Connection::add_cors(HttpResponse& response) const {
  if (!context_.cors_origin.empty()) response.headers.emplace_back("Access-Control-Allow-Origin", context_.cors_origin);
}

void Connection::answer(HttpResponse response, bool then_close) {
  phase_ = Phase::kServing;
  answered_ = false;
  ++serial_;
  disarm(input_timer_);
  if (then_close) keep_alive_ = false;
  send(std::move(response));
}

// REQUIRES kServing and nothing sent.
void Connection::send(HttpResponse response) {
  if (streaming_) {
    write_piece("data: " + response.body + "\n\n");
    return end_stream();
  }
  add_cors(response);
  enqueue(response_head(response, BodyKind::kSized, keep_alive_ && !winding_down_));
  if (!head_only_) enqueue(response.body);
  answered_ = true;
}

void Connection::promise_stream(std::string content_type) {
  promised_ = std::move(content_type);
  if (!writing_) arm_ping();
}

void Connection::start_stream(std::string content_type) {
  if (streaming_) return;
  HttpResponse response{200, "", std::move(content_type)};
  add_cors(response);
  if (http_1_0_) keep_alive_ = false;
  const BodyKind kind = http_1_0_ ? BodyKind::kUntilClose : BodyKind::kChunked;
  streaming_ = true;
  enqueue(response_head(response, kind, keep_alive_ && !winding_down_));
}

void Connection::write_piece(std::string_view piece) {
  if (!streaming_ || piece.empty()) return;
  if (current_.size() - written_ + pending_.size() > limits_.queued_bytes) return gone();
  enqueue(http_1_0_ ? std::string(piece) : chunk(piece));
}

void Connection::end_stream() {
  if (!streaming_) return;
  streaming_ = false;
  answered_ = true;
  enqueue(http_1_0_ ? "" : kLastChunk);
}

void Connection::set_when_gone(uint64_t serial, std::function<void()> call) {
  if (serves(serial)) {
    when_gone_ = std::move(call);
  } else if (phase_ == Phase::kClosed) {
    call();
  }
}

void Connection::enqueue(std::string_view bytes) {
  pending_ += bytes;
  if (writing_) return;
  writing_ = true;
  run(&Connection::write);  // later, so that what follows in the same call goes out with it
}

void Connection::write() {
  if (phase_ == Phase::kClosed) return;
  if (written_ == current_.size()) {
    current_.clear();
    current_.swap(pending_);
    written_ = 0;
  }
  writing_ = !current_.empty();
  if (!writing_) return answered_ ? finish_answer() : arm_ping();
  arm(output_timer_, limits_.write, &Connection::gone);
  transport_->write_some(
      asio::buffer(current_.data() + written_, current_.size() - written_),
      [self = shared_from_this()](ErrorCode error, std::size_t bytes) { self->on_write(error, bytes); });
}

void Connection::on_write(ErrorCode error, std::size_t bytes) {
  if (error) return gone();
  written_ += bytes;
  write();
}

// REQUIRES that everything has been sent.
void Connection::finish_answer() {
  when_gone_ = nullptr;
  promised_.clear();
  answered_ = false;
  disarm(output_timer_);
  if (!keep_alive_ || winding_down_) return linger();
  begin_request();
}

// A client that is still sending would have its answer destroyed by a reset, so its bytes are taken for a while.
void Connection::linger() {
  phase_ = Phase::kLingering;
  transport_->finish_sending();
  arm(input_timer_, limits_.linger, &Connection::gone);
  read();
}

void Connection::gone() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  disarm(input_timer_);
  disarm(output_timer_);
  transport_->close();
  if (const auto call = std::exchange(when_gone_, nullptr)) call();
}

void Connection::arm(asio::steady_timer& timer, std::chrono::milliseconds after, void (Connection::*call)()) {
  timer.expires_after(after);
  timer.async_wait([self = shared_from_this(), &timer, call](ErrorCode error) {
    const bool armed_anew = timer.expiry() > asio::steady_timer::clock_type::now();
    if (!error && !armed_anew && self->phase_ != Phase::kClosed) (self.get()->*call)();
  });
}

// Unlike cancel(), which cannot take back a call that is on its way.
void Connection::disarm(asio::steady_timer& timer) { timer.expires_at(asio::steady_timer::time_point::max()); }

void Connection::arm_ping() {
  if (streaming_ || !promised_.empty()) {
    arm(output_timer_, limits_.ping, &Connection::ping);
  } else {
    disarm(output_timer_);
  }
}

void Connection::ping() {
  start_stream(promised_);
  write_piece(kPing);
}

}  // namespace leankv
