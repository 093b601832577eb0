// The engine's thread and many callers; the thread sanitiser runs this too.
#include "engine/service.h"

#include <gtest/gtest.h>

#include <future>

#include "engine/scheduler_test_support.h"

namespace leankv::testing {
namespace {

constexpr auto kForever = std::chrono::minutes(5);

// Collects on the engine's thread; `done` is set by the last event.
struct Caller {
  std::optional<RequestId> ask(Service& service, Request request) {
    left = request.n;
    return service.submit(std::move(request), [this](const Event& event) {
      std::visit(collected, event);
      if (std::holds_alternative<FinishEvent>(event)) --left;
      if (left == 0 || std::holds_alternative<ErrorEvent>(event)) done.set_value();
    });
  }
  void wait() { done.get_future().wait(); }
  FinishReason reason() { return collected.choices.at(0).finish->reason; }

  Collected collected;
  int left = 0;
  std::promise<void> done;
};

Request short_request(int i) { return greedy_request(prompt_of(90 + i, unsigned(i)), 10, i % 2 == 0 ? "off" : "K4V4"); }
Request endless_request() { return greedy_request(prompt_of(50, 4), 1900); }

TEST(ServiceTest, AnswersCallersFromManyThreads) {
  EngineOptions options = serving_options();
  options.threads = 2;
  Service service(options, {});
  ASSERT_EQ(service.wait_until_loaded(), ServiceState::kReady);
  EXPECT_EQ(service.load_progress(), 1);
  std::vector<Caller> callers(12);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < 12; i += 3) ASSERT_TRUE(callers[std::size_t(i)].ask(service, short_request(i)).has_value());
      service.statistics();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 12; ++i) {
    callers[std::size_t(i)].wait();
    Harness alone(serving_options());
    const RequestId id = alone.submit(short_request(i));
    alone.run();
    EXPECT_EQ(callers[std::size_t(i)].collected.choices.at(0).tokens, alone.answer(id).tokens);
  }
  EXPECT_EQ(service.drain(kForever), 0);
  EXPECT_EQ(service.state(), ServiceState::kStopped);
  EXPECT_EQ(service.statistics().generated_tokens, 120);
  EXPECT_EQ(service.statistics().pages_used, 0);
  EXPECT_FALSE(Caller().ask(service, short_request(0)).has_value());
}

TEST(ServiceTest, CancelsAndRefusesWithEvents) {
  Service service(serving_options(), {});
  service.wait_until_loaded();
  Caller endless, refused;
  const std::optional<RequestId> id = endless.ask(service, endless_request());
  std::promise<int> seen;
  service.inspect([&](const Engine&, const Scheduler& scheduler) { seen.set_value(scheduler.requests()); });
  EXPECT_EQ(seen.get_future().get(), 1);
  ASSERT_TRUE(refused.ask(service, greedy_request({}, 1)).has_value());
  refused.wait();
  EXPECT_EQ(refused.collected.error->kind, ErrorKind::kBadRequest);
  service.cancel(*id);
  endless.wait();
  EXPECT_EQ(endless.reason(), FinishReason::kCancelled);
  service.cancel(*id);
  EXPECT_EQ(service.drain(kForever), 0);
}

TEST(ServiceTest, ADrainThatTakesTooLongCancels) {
  Service service(serving_options(), {});
  service.wait_until_loaded();
  Caller endless;
  endless.ask(service, endless_request());
  EXPECT_EQ(service.drain(std::chrono::milliseconds(0)), 1);
  endless.wait();
  EXPECT_EQ(endless.reason(), FinishReason::kCancelled);
}

TEST(ServiceTest, TurnsRequestsAwayWhenTooManyWait) {
  SchedulerOptions scheduling;
  scheduling.max_waiting = 0;
  Service service(serving_options(), scheduling);
  service.wait_until_loaded();
  EXPECT_FALSE(Caller().ask(service, short_request(0)).has_value());
  EXPECT_EQ(service.state(), ServiceState::kReady);
}

TEST(ServiceTest, AModelThatCannotBeLoadedIsAState) {
  EngineOptions options = serving_options();
  options.model_path = "nowhere.gguf";
  Service service(options, {});
  EXPECT_EQ(service.wait_until_loaded(), ServiceState::kFailed);
  EXPECT_EQ(service.failure().kind(), ErrorKind::kBadFile);
  EXPECT_FALSE(Caller().ask(service, short_request(0)).has_value());
  bool dropped = true;
  service.inspect([&](const Engine&, const Scheduler&) { dropped = false; });
  EXPECT_EQ(service.drain(kForever), 0);
  EXPECT_TRUE(dropped);
}

}  // namespace
}  // namespace leankv::testing
