// The whole server over a tiny model with random weights: what clients send wrongly, and what must never happen.
#include "server/model_server.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "server/raw_client.h"
#include "server/tiny_server.h"

namespace leankv {
namespace {

using test::eventually;
using test::get;
using test::post;
using test::RawClient;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr const char* kTemplate =
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<assistant>{% "
    "endif %}";

ModelServerOptions small_limits() {
  ModelServerOptions o = test::tiny_server(kTemplate);
  o.http.limits.queued_bytes = 1 << 16;
  o.scheduling.max_waiting = 8;
  return o;
}

class ModelServerTest : public ::testing::Test {
 protected:
  void start(ModelServerOptions options = small_limits()) {
    server_ = std::make_unique<ModelServer>(std::move(options));
    ASSERT_TRUE(server_->wait_until_ready([] { return false; }));
  }
  int port() const {
    const std::string address = server_->address();
    return std::stoi(address.substr(address.rfind(':') + 1));
  }
  std::string ask(const std::string& request) const {
    RawClient client(port());
    client.send(request);
    return client.read_answer();
  }
  std::string chat(const std::string& fields) const {
    return ask(post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"hi"}])" + fields + "}"));
  }
  Json json_of(const std::string& answer) const {
    return Json::parse(answer.substr(answer.find("\r\n\r\n") + 4), nullptr, false);
  }
  bool everything_is_free() const {
    return eventually([&] {
      const SchedulerStatistics s = server_->service().statistics();
      return s.running == 0 && s.waiting == 0 && s.pages_used == 0;
    });
  }

  std::unique_ptr<ModelServer> server_;
};

testing::Matcher<std::string> refuses(int status, const std::string& param, const std::string& words = "") {
  const std::string named = param.empty() ? "\"param\":null" : "\"param\":\"" + param + "\"";
  return AllOf(StartsWith("HTTP/1.1 " + std::to_string(status)), HasSubstr(named), HasSubstr(words));
}

TEST_F(ModelServerTest, NamesTheFieldThatIsWrong) {
  start();
  EXPECT_THAT(ask(post("/v1/chat/completions", "{")), refuses(400, "", "not JSON"));
  EXPECT_THAT(ask(post("/v1/chat/completions", "[]")), refuses(400, "", "must be a JSON object"));
  EXPECT_THAT(ask(post("/v1/chat/completions", "{}")), refuses(400, "messages"));
  EXPECT_THAT(ask(post("/v1/chat/completions", R"({"messages":[{"role":"boss","content":"x"}]})")),
              refuses(400, "messages[0].role"));
  EXPECT_THAT(ask(post("/v1/chat/completions", R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})")),
              refuses(400, "messages[0].content.type"));
  EXPECT_THAT(chat(R"(,"temperature":-1)"), refuses(400, "temperature"));
  EXPECT_THAT(chat(R"(,"top_p":"x")"), refuses(400, "top_p"));
  EXPECT_THAT(chat(R"(,"n":0)"), refuses(400, "n"));
  EXPECT_THAT(chat(R"(,"n":1.5)"), refuses(400, "n"));
  EXPECT_THAT(chat(R"(,"stop":[1])"), refuses(400, "stop"));
  EXPECT_THAT(chat(R"(,"stop":"")"), refuses(400, "stop"));
  EXPECT_THAT(chat(R"(,"logit_bias":{"99999":1})"), refuses(400, "logit_bias"));
  EXPECT_THAT(chat(R"(,"top_logprobs":2)"), refuses(400, "top_logprobs"));
  EXPECT_THAT(chat(R"(,"presence_penalty":"x")"), refuses(400, "presence_penalty"));
  EXPECT_THAT(chat(R"(,"dry_multiplier":0.5)"), refuses(400, "dry_multiplier", "is not available"));
  EXPECT_THAT(chat(R"(,"grammar":"root ::= x")"), refuses(400, "grammar"));
  EXPECT_THAT(chat(R"(,"kv":{"ratoi":4})"), refuses(400, "kv.ratoi"));
  EXPECT_THAT(chat(R"(,"kv":{"ratio":4,"off":true})"), refuses(400, "kv"));
  EXPECT_THAT(chat(R"(,"kv":"tiny")"), refuses(400, "kv"));
  EXPECT_THAT(chat(R"(,"kv":"q8_0:q8_0")"), refuses(400, "kv", "pool"));
  EXPECT_THAT(chat(R"(,"tools":[{"type":"function"}])"), refuses(400, "tools[0].function"));
  EXPECT_THAT(chat(R"(,"tool_choice":"required")"), refuses(400, "tool_choice"));
  EXPECT_THAT(chat(R"(,"response_format":{"type":"xml"})"), refuses(400, "response_format.type"));
  EXPECT_THAT(ask(post("/v1/completions", R"({"prompt":[1,99999]})")), refuses(400, "prompt"));
  EXPECT_THAT(ask(post("/v1/completions", R"({"prompt":""})")), refuses(400, "prompt", "empty"));
  EXPECT_THAT(ask(post("/detokenize", R"({"tokens":[-1]})")), refuses(400, "tokens"));
  EXPECT_THAT(ask(post("/slots/0?action=save", "{}")), refuses(501, ""));
  EXPECT_TRUE(everything_is_free());
}

TEST_F(ModelServerTest, DeepJsonIsRefused) {
  start();
  const std::string deep = std::string(200'000, '[');
  EXPECT_THAT(chat(",\"x\":" + deep), refuses(400, "", "too deep"));
  EXPECT_THAT(chat(R"(,"json_schema":)" + std::string(90, '[') + std::string(90, ']')), StartsWith("HTTP/1.1 400"));
}

TEST_F(ModelServerTest, PromptsThatCannotFitGetBothNumbers) {
  start();
  const std::string answer = ask(post("/v1/completions", R"({"prompt":")" + std::string(4000, 'a') + "\"}"));
  EXPECT_THAT(answer,
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("exceed_context_size_error"), HasSubstr("\"n_ctx\":1024")));
  EXPECT_TRUE(json_of(answer)["error"]["n_prompt_tokens"].is_number());
}

TEST_F(ModelServerTest, AnswersWithUsage) {
  start();
  const Json json = json_of(chat(R"(,"max_tokens":5,"n":2,"ignore_eos":true,"seed":1)"));
  EXPECT_EQ(json["choices"].size(), 2u);
  EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(json["usage"]["completion_tokens"], 10);
  EXPECT_GT(json["usage"]["kv"]["bytes"], 0);
  EXPECT_EQ(json["timings"]["predicted_n"], 5);
  EXPECT_TRUE(everything_is_free());
}

// A penalty beyond all logits: no token comes twice, or, in the window of llama-server's endpoint, that the prompt has.
TEST_F(ModelServerTest, PenaltiesReachTheSampler) {
  start();
  const auto answer = [&](const char* path, const std::string& fields) {
    return json_of(
        ask(post(path, R"({"prompt":[5,6,7,8],"temperature":0,"ignore_eos":true,"max_tokens":40)" + fields + "}")));
  };
  const auto different = [&](const std::string& fields) {
    const Json tokens = answer("/completion", fields)["tokens"];
    EXPECT_EQ(tokens.size(), 40u);
    std::set<int> all{5, 6, 7, 8};
    for (const Json& token : tokens) all.insert(token.get<int>());
    return all.size();
  };
  EXPECT_EQ(different(R"(,"presence_penalty":1000,"repeat_last_n":-1)"), 44u);
  EXPECT_LT(different(""), 44u) << "the model repeats itself where nothing stops it";
  EXPECT_NE(answer("/v1/completions", R"(,"frequency_penalty":1000)")["choices"][0]["text"],
            answer("/v1/completions", "")["choices"][0]["text"]);
}

TEST_F(ModelServerTest, StreamEndsWithDone) {
  start();
  RawClient client(port());
  client.send(post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"hi"}],"stream":true,"max_tokens":3,
      "ignore_eos":true,"stream_options":{"include_usage":true}})"));
  const std::string text = client.read_until("0\r\n\r\n");
  EXPECT_THAT(text, AllOf(HasSubstr("text/event-stream"), HasSubstr("\"role\":\"assistant\""),
                          HasSubstr("\"choices\":[],\"usage\":{"), HasSubstr("data: [DONE]\n\n")));
}

TEST_F(ModelServerTest, SchemasHoldForRandomWeights) {
  start();
  for (int seed = 0; seed < 5; ++seed) {
    const Json json = json_of(chat(
        R"(,"max_tokens":200,"seed":)" + std::to_string(seed) +
        R"(,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","required":["a","b"],
           "properties":{"a":{"enum":["p","q"]},"b":{"type":"integer","minimum":3,"maximum":7}}}}})"));
    const Json value = Json::parse(json["choices"][0]["message"]["content"].get<std::string>(), nullptr, false);
    ASSERT_TRUE(value.is_object()) << json;
    EXPECT_TRUE(value["b"] >= 3 && value["b"] <= 7);
  }
}

TEST_F(ModelServerTest, VanishedClientsGiveTheirPagesBack) {
  start();
  for (int i = 0; i < 6; ++i) {
    RawClient client(port());
    const char* stream = i % 2 == 0 ? "true" : "false";
    client.send(post("/v1/completions",
                     std::string(R"({"prompt":"abc","max_tokens":1000,"ignore_eos":true,"stream":)") + stream + "}"));
    if (i % 2 == 0) {
      EXPECT_THAT(client.read_until("data: "), EndsWith("data: "));
    }
  }
  EXPECT_TRUE(everything_is_free());
}

TEST_F(ModelServerTest, TooManyRequestsGet503) {
  ModelServerOptions options = small_limits();
  options.engine.sequences = 1;
  options.scheduling.max_waiting = 1;
  start(options);
  const std::string endless = post("/v1/completions", R"({"prompt":"abc","max_tokens":1000,"ignore_eos":true})");
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<RawClient>(port()));
    clients.back()->send(endless);
  }
  // Any of them may come first; one can run and one can wait while it does.
  const auto refused = [](const auto& client) { return client->read_answer().starts_with("HTTP/1.1 503"); };
  EXPECT_GT(std::ranges::count_if(clients, refused), 0);
  clients.clear();
  EXPECT_TRUE(everything_is_free());
}

TEST_F(ModelServerTest, StopLetsAnswersFinish) {
  start();
  RawClient client(port());
  client.send(post("/v1/completions", R"({"prompt":"abc","max_tokens":20,"ignore_eos":true})"));
  ASSERT_TRUE(eventually([&] { return server_->service().statistics().requests > 0; }));
  std::string answer;
  std::thread reading([&] { answer = client.read_answer(); });
  server_->stop(20s);
  reading.join();
  EXPECT_EQ(json_of(answer)["usage"]["completion_tokens"], 20);
}

TEST_F(ModelServerTest, StopCutsWhatTakesTooLong) {
  start();
  RawClient client(port());
  client.send(post("/v1/completions", R"({"prompt":"abc","max_tokens":1000,"ignore_eos":true,"stream":true})"));
  client.read_until("data: ");
  server_->stop(0ms);
  EXPECT_EQ(server_->service().state(), ServiceState::kStopped);
}

TEST_F(ModelServerTest, StateWithoutText) {
  start();
  EXPECT_THAT(ask(get("/health")), EndsWith(R"({"status":"ok"})"));
  EXPECT_THAT(ask(get("/metrics")),
              AllOf(HasSubstr("text/plain"), HasSubstr("leankv:kv_pages_free{model_name=\"tiny\"}")));
  EXPECT_EQ(json_of(ask(get("/v1/kv")))["sequences"].size(), 0u);
  EXPECT_EQ(json_of(ask(get("/slots"))).size(), 4u);
  EXPECT_EQ(json_of(ask(get("/v1/models")))["data"][0]["id"], "tiny");
  EXPECT_THAT(ask(get("/")), AllOf(HasSubstr("text/html"), HasSubstr("default-src 'self'")));
  EXPECT_THAT(ask(get("/page.js")), HasSubstr("text/javascript"));
}

// What an answer leaves is in /slots, goes to a file and comes back in another process.
TEST_F(ModelServerTest, SlotsAreSavedRestoredAndErased) {
  ModelServerOptions options = small_limits();
  options.scheduling.kept_caches = 4;
  options.slot_save_path = ::testing::TempDir();
  start(options);
  const auto slot = [&](const std::string& query, const std::string& body = R"({"filename":"slots_test.bin"})") {
    return ask(post("/slots/" + query, body));
  };
  const auto continued = [&] {
    const Json json = json_of(ask(post("/v1/completions", R"({"prompt":"abcdef","max_tokens":4,"temperature":0})")));
    return json["usage"]["prompt_tokens_details"]["cached_tokens"].get<int>();
  };
  EXPECT_THAT(slot("0?action=save"), refuses(400, "", "slot 0 holds no ended answer"));
  const Json first = json_of(ask(post("/v1/completions", R"({"prompt":"abc","max_tokens":0})")));
  const int tokens = first["usage"]["prompt_tokens"].get<int>();
  EXPECT_EQ(json_of(ask(get("/slots")))[0]["n_kept"], tokens);
  const Json saved = json_of(slot("0?action=save"));
  EXPECT_EQ(saved["n_saved"], tokens);
  EXPECT_GT(saved["n_written"].get<int>(), 1000);
  EXPECT_EQ(continued(), tokens);

  start(options);  // another one
  EXPECT_EQ(continued(), 0);
  const Json restored = json_of(slot("2?action=restore"));
  EXPECT_EQ(restored["n_restored"], tokens);
  EXPECT_EQ(restored["n_read"], saved["n_written"]);
  EXPECT_EQ(continued(), tokens);
  EXPECT_EQ(json_of(slot("2?action=erase"))["n_erased"], tokens);
  EXPECT_EQ(json_of(slot("2?action=erase"))["n_erased"], 0);

  std::ofstream(options.slot_save_path + "/damaged.bin") << "not what was saved";
  EXPECT_THAT(slot("0?action=restore", R"({"filename":"damaged.bin"})"), refuses(400, "filename", "damaged.bin"));
  EXPECT_THAT(slot("9?action=erase"), refuses(404, ""));
  EXPECT_THAT(slot("x?action=erase"), refuses(404, ""));
  EXPECT_THAT(slot("0?action=pack"), refuses(400, "action"));
  EXPECT_THAT(slot("0?action=restore", R"({"filename":"not_there.bin"})"), refuses(404, "filename"));
  for (const char* name : {"../x", "/etc/passwd", "", ".hidden"}) {
    EXPECT_THAT(slot("0?action=save", R"({"filename":")" + std::string(name) + "\"}"), refuses(400, "filename"))
        << name;
  }
  EXPECT_TRUE(everything_is_free());
}

// Every token of a head is either in one list, at one position, or pruned; and that stays so when the pages have gone.
TEST_F(ModelServerTest, CacheOfOneRequest) {
  start();
  const Json answer = json_of(ask(post("/v1/completions", R"({"prompt":")" + std::string(600, 'a') +
                                                              R"(","max_tokens":8,"ignore_eos":true,)"
                                                              R"("kv":{"ratio":8,"positions":true}})")));
  const std::string request = "/v1/kv?request=" + answer["id"].get<std::string>();
  const Json whole = json_of(ask(get(request)));
  const int heads = whole["layers"].get<int>() * whole["kv_heads"].get<int>(), tokens = whole["tokens"].get<int>();
  EXPECT_FALSE(whole["running"].get<bool>());
  EXPECT_TRUE(whole["judged"].get<bool>());
  EXPECT_EQ(whole["head_bytes"].size(), std::size_t(heads));
  EXPECT_EQ(whole["prompt_tokens"], answer["usage"]["prompt_tokens"]);
  int64_t pruned = 0;
  for (int i = 0; i < heads; ++i) {
    const int layer = i / whole["kv_heads"].get<int>(), h = i % whole["kv_heads"].get<int>();
    const Json head = json_of(ask(get(request + "&layer=" + std::to_string(layer) + "&head=" + std::to_string(h))));
    std::vector<int> positions;
    for (const Json& list : head["lists"]) {
      EXPECT_EQ(list["positions"].size(), list["tokens"]);
      for (const Json& p : list["positions"]) positions.push_back(p);
    }
    std::ranges::sort(positions);
    EXPECT_TRUE(std::ranges::adjacent_find(positions) == positions.end());
    EXPECT_TRUE(positions.front() >= 0 && positions.back() < tokens);
    EXPECT_EQ(int(positions.size()) + head["pruned"].get<int>(), tokens);
    EXPECT_EQ(head["bytes"], whole["head_bytes"][std::size_t(i)]);
    pruned += head["pruned"].get<int>();
  }
  EXPECT_EQ(pruned, whole["pruned"]);
  EXPECT_GT(pruned, 0);
}

TEST_F(ModelServerTest, CacheThatNobodyKnows) {
  start();
  const Json answer = json_of(ask(post("/v1/completions", R"({"prompt":"abc","max_tokens":2})")));
  EXPECT_THAT(ask(get("/v1/kv?request=" + answer["id"].get<std::string>())), refuses(404, ""));  // not to be remembered
  EXPECT_THAT(ask(get("/v1/kv?request=x&layer=0")), refuses(400, "head"));
  EXPECT_THAT(ask(get("/v1/kv?request=x&layer=99&head=0")), refuses(400, "layer"));
  EXPECT_THAT(ask(get("/v1/kv?layer=0&head=0")), refuses(400, "request"));
  EXPECT_THAT(ask(get("/v1/kv?request=x&choice=-1")), refuses(400, "choice"));
}

TEST(ModelServer, SaysWhatIsWrongWithTheModel) {
  ModelServerOptions options = small_limits();
  options.engine.model_path = "/nowhere.gguf";
  ModelServer server(options);
  EXPECT_THROW(server.wait_until_ready([] { return false; }), Error);
}

}  // namespace
}  // namespace leankv
