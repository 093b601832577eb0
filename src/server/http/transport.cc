#include "server/http/transport.h"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>

#include "base/error.h"

namespace leankv {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = asio::ip::tcp::socket;

class PlainTransport : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {}

  void handshake(std::function<void(error_code)> done) override {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done({}); });
  }
  void read_some(asio::mutable_buffer into, Done done) override { socket_.async_read_some(into, std::move(done)); }
  void write_some(asio::const_buffer from, Done done) override { socket_.async_write_some(from, std::move(done)); }
  void finish_sending() override {
    error_code ignored;  // it may have gone already
    socket_.shutdown(Socket::shutdown_send, ignored);
  }
  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
};

class TlsTransport : public Transport {
 public:
  TlsTransport(Socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  void handshake(std::function<void(error_code)> done) override {
    stream_.async_handshake(asio::ssl::stream_base::server, std::move(done));
  }
  void read_some(asio::mutable_buffer into, Done done) override { stream_.async_read_some(into, std::move(done)); }
  void write_some(asio::const_buffer from, Done done) override { stream_.async_write_some(from, std::move(done)); }
  // Every message says how long it is, so TLS's own farewell adds nothing that a client could need.
  void finish_sending() override {
    error_code ignored;
    stream_.next_layer().shutdown(Socket::shutdown_send, ignored);
  }
  void close() override {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

struct TransportFactory::Tls {
  asio::ssl::context context{asio::ssl::context::tls_server};
};

TransportFactory::TransportFactory(const HttpOptions& options) {
  if (options.tls_key_file.empty() != options.tls_certificate_file.empty()) {
    throw Error(ErrorKind::kBadOption, "TLS needs both --ssl-key-file and --ssl-cert-file");
  }
  if (options.tls_key_file.empty()) return;
  tls_ = std::make_unique<Tls>();
  tls_->context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                            asio::ssl::context::no_tlsv1_1);
  error_code error;
  tls_->context.use_certificate_chain_file(options.tls_certificate_file, error);
  if (error)
    throw Error(ErrorKind::kBadOption, "--ssl-cert-file " + options.tls_certificate_file + ": " + error.message());
  tls_->context.use_private_key_file(options.tls_key_file, asio::ssl::context::pem, error);
  if (error) throw Error(ErrorKind::kBadOption, "--ssl-key-file " + options.tls_key_file + ": " + error.message());
}

TransportFactory::~TransportFactory() = default;

std::unique_ptr<Transport> TransportFactory::make(Socket socket) const {
  if (tls_ == nullptr) return std::make_unique<PlainTransport>(std::move(socket));
  return std::make_unique<TlsTransport>(std::move(socket), tls_->context);
}

}  // namespace leankv
