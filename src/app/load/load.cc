#include "app/load/load.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>

#include "app/load/event_stream.h"
#include "app/load/prompts.h"
#include "app/load/workload.h"
#include "base/error.h"

namespace leankv {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr auto kWatchInterval = std::chrono::milliseconds(250);

// All coroutines run on the thread that calls run().
class Load {
 public:
  Load(const LoadOptions& options, const std::function<void(double)>& progress)
      : options_(options),
        progress_(progress),
        client_(parse_server_url(options.url), options.api_key, std::chrono::seconds(options.timeout_s)),
        plan_(plan_workload(options)),
        watch_timer_(context_) {
    result_.requests.resize(plan_.size());
  }

  LoadResult run() {
    std::exception_ptr failure;
    asio::co_spawn(context_, everything(), [&](std::exception_ptr error) { failure = error; });
    context_.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(result_);
  }

 private:
  asio::awaitable<void> everything() {
    PromptSource prompts = co_await PromptSource::make(client_, options_);
    result_.exact_prompts = prompts.exact();
    for (const PlannedRequest& p : plan_) bodies_.push_back(body_of(prompts, p));
    co_await look_at_metrics();
    if (result_.watch.samples > 0) asio::co_spawn(context_, watch(), asio::detached);
    began_ = Clock::now();
    if (options_.arrivals.rate > 0) {
      asio::co_spawn(context_, arrive(), asio::detached);
    } else {
      for (int i = 0; i < options_.arrivals.clients; ++i) asio::co_spawn(context_, serve_one_client(), asio::detached);
    }
  }

  std::string body_of(const PromptSource& prompts, const PlannedRequest& planned) const {
    const Json body =
        request_body(options_, prompts.prompt(planned.place, planned.prompt_tokens), planned.output_tokens);
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  asio::awaitable<void> serve_one_client() {
    while (next_ < plan_.size()) {
      const std::size_t mine = next_++;
      co_await send(mine);
    }
  }

  asio::awaitable<void> arrive() {
    asio::steady_timer timer(context_);
    for (std::size_t i = 0; i < plan_.size(); ++i) {
      timer.expires_at(began_ +
                       std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(plan_[i].arrival_s)));
      co_await timer.async_wait(asio::use_awaitable);
      asio::co_spawn(context_, send(i), asio::detached);
    }
  }

  asio::awaitable<void> send(std::size_t index) {
    MeasuredRequest& measured = result_.requests[index];
    EventStream events;
    measured.sent_s = now_s();
    try {
      const HttpClient::OnPiece on_piece = [&](std::string_view piece) {
        events.push(piece, [&](std::string_view data) { measured.take_event(data, now_s()); });
      };
      const char* path = options_.chat ? "/v1/chat/completions" : "/v1/completions";
      ClientRequest request{"POST", path, std::move(bodies_[index])};
      const ClientAnswer answer = co_await client_.ask(std::move(request), on_piece);
      if (!answer.body.empty()) measured.take_refusal(answer.status, answer.body);
    } catch (const Error& error) {
      measured.error = error.what();
    }
    measured.end(now_s());
    result_.seconds = std::max(result_.seconds, measured.end_s);
    progress_(double(++ended_) / double(plan_.size()));
    if (ended_ == plan_.size()) watch_timer_.cancel();
  }

  asio::awaitable<void> watch() {
    boost::system::error_code stopped;
    while (!stopped && ended_ < plan_.size()) {
      watch_timer_.expires_after(kWatchInterval);
      co_await watch_timer_.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
      co_await look_at_metrics();
    }
  }

  // Once more at the end, so that counters are whole. A server without metrics is asked only once.
  asio::awaitable<void> look_at_metrics() {
    try {
      ClientRequest request{"GET", "/metrics", {}};
      const ClientAnswer answer = co_await client_.ask(std::move(request), {});
      if (answer.status == 200) result_.watch.add(parse_server_metrics(answer.body));
    } catch (const Error&) {
      // What the server does not tell is left out of the report.
    }
  }

  double now_s() const { return std::chrono::duration<double>(Clock::now() - began_).count(); }

  const LoadOptions& options_;
  const std::function<void(double)>& progress_;
  HttpClient client_;
  std::vector<PlannedRequest> plan_;
  std::vector<std::string> bodies_;
  asio::io_context context_{1};
  asio::steady_timer watch_timer_;
  Clock::time_point began_;
  std::size_t next_ = 0, ended_ = 0;
  LoadResult result_;
};

}  // namespace

LoadResult run_load(const LoadOptions& options, const std::function<void(double)>& progress) {
  return Load(options, progress).run();
}

}  // namespace leankv
