// A connected socket, with TLS or without: the four things that a connection does with it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <string>

#include "server/http/options.h"

namespace leankv {

// Used from the strand that its socket was made with. At most one read and one write are under way.
class Transport {
 public:
  using Done = std::function<void(boost::system::error_code, std::size_t bytes)>;
  virtual ~Transport() = default;
  virtual void handshake(std::function<void(boost::system::error_code)> done) = 0;
  virtual void read_some(boost::asio::mutable_buffer into, Done done) = 0;
  virtual void write_some(boost::asio::const_buffer from, Done done) = 0;
  virtual void finish_sending() = 0;  // the peer sees the end; reading goes on
  virtual void close() = 0;           // what is under way ends with an error
};

// Makes transports; owns what they share.
class TransportFactory {
 public:
  // With TLS where the options name its files. Throws kBadOption for files that cannot be used.
  explicit TransportFactory(const HttpOptions& options);
  ~TransportFactory();
  std::unique_ptr<Transport> make(boost::asio::ip::tcp::socket socket) const;
  bool secure() const { return tls_ != nullptr; }

 private:
  struct Tls;
  std::unique_ptr<Tls> tls_;
};

}  // namespace leankv
