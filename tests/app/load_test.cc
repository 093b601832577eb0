// The load generator against a server that knows nothing but OpenAI's API, and against our own.
#include "app/load/load.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "app/eval/metrics.h"
#include "app/load/event_stream.h"
#include "app/load/http_client.h"
#include "app/load/load_report.h"
#include "app/load/workload.h"
#include "base/error.h"
#include "server/http/server.h"
#include "server/tiny_server.h"

namespace leankv {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

const auto kNoProgress = [](double) {};

TEST(EventStream, CutsWherePiecesEndAnywhere) {
  const std::string text =
      ": ping\n\nevent: x\ndata: one\n\ndata:two\r\ndata: lines\r\n\r\nid: 3\n\ndata: unfinished\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EventStream events;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < text.size(); at += size) {
      events.push(text.substr(at, size), [&](std::string_view data) { got.emplace_back(data); });
    }
    EXPECT_THAT(got, ElementsAre("one", "two\nlines")) << size;
  }
}

TEST(ServerUrl, IsReadWithAndWithoutV1) {
  const ServerUrl plain = parse_server_url("http://127.0.0.1:8080");
  EXPECT_EQ(plain.host + "|" + plain.port + "|" + plain.folder, "127.0.0.1|8080|");
  const ServerUrl deep = parse_server_url("http://[::1]/llm/v1/");
  EXPECT_EQ(deep.host + "|" + deep.port + "|" + deep.folder, "::1|80|/llm");
  for (const char* bad : {"127.0.0.1:8080", "https://x", "http://", "http://:80", "http://x:", "http://x:8a"}) {
    EXPECT_THROW(parse_server_url(bad), Error) << bad;
  }
}

// Sample quantities of n draws stray from the truth by their standard errors; 4 of them are passed by one seed in 10^4.
TEST(Workload, HasTheLengthsAndGapsThatWereAskedFor) {
  LoadOptions o;
  o.requests = 4000;
  o.arrivals = {.clients = 0, .rate = 10};
  const std::vector<PlannedRequest> plan = plan_workload(o);
  const double n = o.requests;
  EXPECT_NEAR(plan.back().arrival_s / (n - 1), 0.1, 4 * 0.1 / std::sqrt(n));  // of exponential gaps
  std::vector<double> prompts, outputs;
  for (const PlannedRequest& p : plan) {
    prompts.push_back(std::log(p.prompt_tokens));
    outputs.push_back(std::log(p.output_tokens));
  }
  // The median of logs is log(mean) - sigma^2 / 2; its standard error sqrt(pi / 2n) sigma, lengths are rounded to 1/2.
  const double error = 4 * std::sqrt(3.1416 / (2 * n));
  EXPECT_NEAR(percentile(prompts, 0.5), std::log(161.31) - 0.5, error + 0.5 / 98);
  EXPECT_NEAR(percentile(outputs, 0.5), std::log(337.99) - 0.5, error + 0.5 / 205);
  EXPECT_LE(std::ranges::max(prompts), std::log(1024));
}

TEST(Workload, FixedLengthsChangeNothingElse) {
  LoadOptions o;
  o.arrivals.rate = 5;
  const std::vector<PlannedRequest> free = plan_workload(o);
  o.prompt_tokens = 7;
  const std::vector<PlannedRequest> fixed = plan_workload(o);
  for (std::size_t i = 0; i < free.size(); ++i) {
    EXPECT_EQ(fixed[i].prompt_tokens, 7);
    EXPECT_EQ(fixed[i].output_tokens, free[i].output_tokens);
    EXPECT_EQ(fixed[i].arrival_s, free[i].arrival_s);
    EXPECT_EQ(fixed[i].place, free[i].place);
  }
}

TEST(ServerMetrics, AreFoundByTheEndOfTheirNames) {
  const ServerMetrics vllm = parse_server_metrics(
      "# HELP vllm:num_requests_running x\nvllm:num_requests_running{model_name=\"a b\",engine=\"0\"} 3.0\n"
      "vllm:num_requests_running{model_name=\"a b\",engine=\"1\"} 2.0\nvllm:kv_cache_usage_perc{x=\"}\"} NaN\n"
      "vllm:num_requests_running_other 9\n");
  EXPECT_EQ(vllm.running, 5);
  EXPECT_FALSE(vllm.cache_usage);
  const ServerMetrics llama = parse_server_metrics("llamacpp:requests_processing 2\nllamacpp:requests_deferred 1");
  EXPECT_EQ(llama.running, 2);
  EXPECT_EQ(llama.waiting, 1);
}

TEST(MeasuredRequest, ToldByItsEvents) {
  MeasuredRequest r;
  r.sent_s = 1;
  r.take_event(R"({"choices":[{"delta":{"role":"assistant","content":null}}]})", 2);
  r.take_event(R"({"choices":[{"delta":{"content":"a"}}]})", 3);
  r.take_event(R"({"choices":[{"text":"b"}]})", 5);
  r.take_event(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":5}})", 6);
  r.take_event("[DONE]", 6);
  r.end(7);
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(r.first_token_s(), 2);
  EXPECT_EQ(r.per_token_s(), 0.5);
  EXPECT_EQ(r.total_s(), 6);
  EXPECT_EQ(r.prompt_tokens, 9);

  MeasuredRequest cut;
  cut.take_event(R"({"choices":[{"text":"b"}]})", 5);
  cut.end(6);
  EXPECT_THAT(cut.error, HasSubstr("without usage"));
  MeasuredRequest late;
  late.take_event(R"({"error":{"message":"broken"}})", 5);
  late.end(6);
  EXPECT_EQ(late.error, "broken");
}

// Answers in threes, so that fewer clients at a time would wait for ever; tells how many there were at once.
class PlainServer {
 public:
  explicit PlainServer(std::size_t together) : together_(together), server_(options(), routes()) { server_.start(); }
  ~PlainServer() { server_.stop(std::chrono::milliseconds(0)); }

  std::string url() const { return server_.address() + "/v1"; }
  std::vector<Json> bodies() const {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }
  std::size_t most() const {
    const std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  static HttpOptions options() {
    HttpOptions o;
    o.port = 0;
    return o;
  }
  std::vector<Route> routes() {
    const auto answer = [this](const HttpRequest& q, const Responder& r) { take(Json::parse(q.body), r); };
    return {{"POST", "/v1/completions", answer}, {"POST", "/v1/chat/completions", answer}};
  }
  void take(const Json& body, const Responder& responder) {
    if (!body.value("stream", false)) {  // the probe
      return responder.send({200, R"({"choices":[{"text":"x"}],"usage":{"prompt_tokens":250,"completion_tokens":1}})"});
    }
    const std::lock_guard lock(mutex_);
    bodies_.push_back(body);
    held_.push_back(responder);
    most_ = std::max(most_, held_.size());
    if (held_.size() < together_) return;
    for (const Responder& r : std::exchange(held_, {})) speak(r);
  }
  static void speak(const Responder& r) {
    r.start_stream("text/event-stream");
    r.write("data: {\"choices\":[{\"text\":\"Hel\"}]}\n\nda");
    r.write("ta: {\"choices\":[{\"text\":\"lo\"}]}\n\n");
    r.write("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n");
    r.end();
  }

  const std::size_t together_;
  mutable std::mutex mutex_;
  std::vector<Json> bodies_;
  std::vector<Responder> held_;
  std::size_t most_ = 0;
  HttpServer server_;
};

TEST(Load, MeasuresAServerThatKnowsOnlyTheApi) {
  PlainServer server(3);
  LoadOptions o;
  o.url = server.url();
  o.arrivals.clients = 3;
  o.requests = 9;
  o.prompt_tokens = 100;
  o.output_tokens = 4;
  o.model = "m";
  o.kv = R"({"ratio":4})";
  o.extra = R"({"priority":2,"temperature":1})";
  double done = 0;
  const LoadResult result = run_load(o, [&](double share) { done = share; });
  EXPECT_EQ(done, 1);
  EXPECT_EQ(server.most(), 3u);
  EXPECT_FALSE(result.exact_prompts);
  ASSERT_EQ(result.requests.size(), 9u);
  for (const MeasuredRequest& r : result.requests) {
    EXPECT_EQ(r.error, "");
    EXPECT_EQ(r.output_tokens, 4);
    EXPECT_LE(r.sent_s, *r.first_s);
    EXPECT_LE(*r.first_s, *r.last_s);
    EXPECT_LE(*r.last_s, r.end_s);
  }
  for (const Json& body : server.bodies()) {
    EXPECT_EQ(body["model"], "m");
    EXPECT_EQ(body["kv"]["ratio"], 4);
    EXPECT_EQ(body["priority"], 2);
    EXPECT_EQ(body["temperature"], 1);
    EXPECT_EQ(body["max_tokens"], 4);
    EXPECT_EQ(body["stream_options"]["include_usage"], true);
    // 250 tokens were counted in 1,000 bytes, or a character less.
    EXPECT_NEAR(double(body["prompt"].get<std::string>().size()), 400, 4);
  }
  EXPECT_THAT(load_to_text(o, result), AllOf(HasSubstr("answered 9"), HasSubstr("no /metrics"), HasSubstr("as text")));
}

TEST(Load, ArrivalsDoNotWaitForAnswers) {
  PlainServer server(5);
  LoadOptions o;
  o.url = server.url();
  o.arrivals = {.clients = 0, .rate = 1000};
  o.requests = 5;
  o.chat = true;
  const LoadResult result = run_load(o, kNoProgress);
  EXPECT_EQ(server.most(), 5u);
  EXPECT_EQ(result.requests.back().error, "");
  EXPECT_EQ(server.bodies().front()["messages"][0]["role"], "user");
}

TEST(Load, SaysWhatIsWrong) {
  LoadOptions o;
  {
    PlainServer gone(1);
    o.url = gone.url();
  }
  EXPECT_THROW(run_load(o, kNoProgress), Error);
  o.url = "http://no-such-host.invalid";
  EXPECT_THROW(run_load(o, kNoProgress), Error);
}

class OwnServer : public ::testing::Test {
 protected:
  OwnServer() : server_(test::tiny_server("{% for m in messages %}{{ m['content'] }}{% endfor %}")) {
    server_.wait_until_ready([] { return false; });
  }

  LoadOptions load() const {
    LoadOptions o;
    o.url = server_.address();
    o.arrivals.clients = 3;
    o.requests = 7;
    o.prompt_tokens = 65;
    o.output_tokens = 6;
    return o;
  }

  ModelServer server_;
};

TEST_F(OwnServer, LengthsAreExact) {
  LoadOptions o = load();
  o.kv = "off";
  const LoadResult result = run_load(o, kNoProgress);
  EXPECT_TRUE(result.exact_prompts);
  const Json json = load_to_json(o, result);
  EXPECT_EQ(json["failed"], 0);
  EXPECT_EQ(json["prompt_tokens"]["p99"], 65);
  EXPECT_EQ(json["output_tokens"]["mean"], 6);
  EXPECT_GT(json["output_tok_s"], 0);
  EXPECT_EQ(json["each"].size(), 7u);
  EXPECT_LT(json["cache_ratio"], 1.01);  // 16 bits, in whole pages
  EXPECT_GT(json["cache_ratio"], 0);
  EXPECT_GT(json["server"]["pool_bytes"], 0);
  EXPECT_EQ(json["server"]["recomputed_sequences"], 0);
  EXPECT_LE(json["server"]["running_most"], 3);
}

TEST_F(OwnServer, ChatsAreTextsOfAboutTheLength) {
  LoadOptions o = load();
  o.chat = true;
  const LoadResult result = run_load(o, kNoProgress);
  EXPECT_FALSE(result.exact_prompts);
  EXPECT_EQ(load_to_json(o, result)["failed"], 0);
  EXPECT_EQ(result.requests.front().output_tokens, 6);
}

TEST_F(OwnServer, RefusalsAreCountedWithTheirReason) {
  LoadOptions o = load();
  o.prompt_tokens = 2000;
  o.requests = 2;
  const LoadResult result = run_load(o, kNoProgress);
  EXPECT_THAT(result.requests[1].error, HasSubstr("400"));
  EXPECT_THAT(load_to_text(o, result), HasSubstr("failed   2 times: 400"));
}

}  // namespace
}  // namespace leankv
