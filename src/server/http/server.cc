#include "server/http/server.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <optional>
#include <thread>

#include "base/error.h"
#include "server/http/connection.h"

namespace leankv {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
constexpr auto kAcceptPause = std::chrono::milliseconds(50);  // when there is no room for another connection
constexpr auto kStopCheck = std::chrono::milliseconds(5);

[[noreturn]] void refuse_address(const HttpOptions& o, const error_code& error) {
  throw Error(ErrorKind::kBadOption, "cannot listen at " + o.host + ":" + std::to_string(o.port) + ": " +
                                         error.message() + "; choose another --host or --port");
}

tcp::endpoint resolve(asio::io_context& io, const HttpOptions& o) {
  error_code error;
  const auto found = tcp::resolver(io).resolve(o.host, std::to_string(o.port), tcp::resolver::passive, error);
  if (error || found.empty()) refuse_address(o, error);
  return found.begin()->endpoint();
}

}  // namespace

struct HttpServer::State {
  State(const HttpOptions& o, std::vector<Route> routes)
      : options(o),
        router(std::move(routes), o.api_keys),
        context{o.limits, o.cors_origin, router, {}},
        transports(o),
        io(o.threads),
        work(io.get_executor()),
        accept_strand(asio::make_strand(io)),
        acceptor(accept_strand),
        pause(accept_strand) {
    listen();
  }

  void listen() {
    const tcp::endpoint endpoint = resolve(io, options);
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) refuse_address(options, error);
    port = acceptor.local_endpoint().port();
  }

  void accept() {
    if (!acceptor.is_open()) return;
    if (context.registry.size() >= options.limits.connections) return accept_later();
    acceptor.async_accept(asio::make_strand(io), [this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later();  // out of file descriptors, most likely
      add(std::move(socket));
      accept();
    });
  }

  void accept_later() {
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](error_code error) {
      if (!error) accept();
    });
  }

  void add(tcp::socket socket) {
    error_code ignored;  // a client that has gone already shows that soon enough
    socket.set_option(tcp::no_delay(true), ignored);
    const asio::any_io_executor strand = socket.get_executor();
    std::make_shared<Connection>(strand, transports.make(std::move(socket)), context)->start();
  }

  // True when nobody is left.
  bool wait_until_empty(std::chrono::milliseconds limit) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (context.registry.size() > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(kStopCheck);
    }
    return context.registry.size() == 0;
  }

  const HttpOptions options;
  const Router router;
  ConnectionContext context;
  const TransportFactory transports;
  asio::io_context io;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  asio::any_io_executor accept_strand;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  int port = 0;
  std::vector<std::thread> threads;
};

HttpServer::HttpServer(const HttpOptions& options, std::vector<Route> routes)
    : state_(std::make_unique<State>(options, std::move(routes))) {}

HttpServer::~HttpServer() {
  stop(std::chrono::milliseconds(0));
  // What others posted since the threads ended is run here, to find its connection gone.
  state_->io.restart();
  state_->io.poll();
}

void HttpServer::start() {
  asio::post(state_->accept_strand, [this] { state_->accept(); });
  for (int i = 0; i < state_->options.threads; ++i) {
    state_->threads.emplace_back([this] { state_->io.run(); });
  }
}

std::string HttpServer::address() const {
  const std::string& host = state_->options.host;
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return (state_->transports.secure() ? "https://" : "http://") + shown + ":" + std::to_string(state_->port);
}

int HttpServer::port() const { return state_->port; }
int HttpServer::connections() const { return state_->context.registry.size(); }

void HttpServer::stop(std::chrono::milliseconds limit) {
  if (!state_->work) return;
  asio::post(state_->accept_strand, [this] {
    error_code ignored;  // it is being given up
    state_->acceptor.close(ignored);
    state_->pause.cancel();
  });
  for (const auto& connection : state_->context.registry.all()) connection->wind_down();
  if (!state_->threads.empty() && !state_->wait_until_empty(limit)) {
    for (const auto& connection : state_->context.registry.all()) connection->abort();
  }
  state_->work.reset();
  for (std::thread& thread : state_->threads) thread.join();
}

}  // namespace leankv
