// A sequence that was saved goes on as if it had stayed; what is damaged or of another cache is refused by name.
#include "engine/saved_sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/generation.h"
#include "engine/scheduler_test_support.h"

namespace leankv::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr int kPrompt = 560, kAnswer = 150, kSecond = 90;

GenerationOptions greedy(int tokens) {
  GenerationOptions options{tokens, {}, true, {}};
  options.sampling.temperature = 0;
  return options;
}

// A first turn of so many prompt tokens.
Sequence answered(Engine& engine, const char* policy, int prompt_tokens, bool positions = false) {
  Sequence sequence = started(engine, parse_policy(policy), prompt_tokens, kAnswer);
  if (positions) engine.cache().keep_positions(sequence.slot());
  generate(engine, sequence, prompt_of(prompt_tokens, 3), greedy(kAnswer));
  return sequence;
}

std::optional<Sequence> load_sequence(Engine& engine, SlotId slot, std::span<const std::byte> bytes, const char* name) {
  return place_sequence(engine, slot, read_sequence(engine, bytes, name));
}

std::vector<int> second_turn(Engine& engine, Sequence& sequence) {
  return generate(engine, sequence, prompt_of(70, 8), greedy(kSecond)).tokens;
}

std::vector<std::byte> saved(const char* policy = "ratio=4") {
  Engine engine(serving_options());
  return save_sequence(engine, answered(engine, policy, kPrompt));
}

TEST(SavedSequenceTest, GoesOnInAnotherEngineAsIfItHadStayed) {
  for (const char* policy : {"off", "ratio=4", "paper", "K4V4"}) {
    for (const int prompt_tokens : {kPrompt, 40}) {  // judged, and still being gathered
      Engine here(serving_options());
      Sequence stayed = answered(here, policy, prompt_tokens, true);
      const std::vector<std::byte> bytes = save_sequence(here, stayed);
      Engine there(serving_options());
      const Sequence other = answered(there, "ratio=4", 90);  // has slot 0 and the first pages
      std::optional<Sequence> restored = load_sequence(there, 3, bytes, "saved.bin");
      ASSERT_TRUE(restored);
      there.cache().check_integrity();
      EXPECT_EQ(restored->slot(), 3);
      EXPECT_EQ(restored->tokens, stayed.tokens);
      EXPECT_EQ(save_sequence(there, *restored), bytes) << policy;
      EXPECT_EQ(second_turn(there, *restored), second_turn(here, stayed)) << policy << ' ' << prompt_tokens;
      there.cache().check_integrity();
    }
  }
}

TEST(SavedSequenceTest, EveryDamageIsFound) {
  const std::vector<std::byte> good = saved();
  Engine engine(serving_options());
  const auto refused = [&](std::vector<std::byte> bytes) {
    EXPECT_THAT([&] { (void)load_sequence(engine, 0, bytes, "saved.bin"); },
                ThrowsMessage<Error>(HasSubstr("saved.bin")));
    EXPECT_EQ(std::as_const(engine).cache().used_pages(), 0u);
  };
  refused({});
  for (std::size_t bytes : {std::size_t(10), std::size_t(40), good.size() / 2, good.size() - 1}) {
    refused({good.begin(), good.begin() + std::ptrdiff_t(bytes)});
  }
  for (std::size_t at = 0; at < good.size(); at += good.size() / 97) {
    std::vector<std::byte> bad = good;
    bad[at] ^= std::byte(16);
    refused(bad);
  }
  EXPECT_TRUE(load_sequence(engine, 0, good, "saved.bin"));
}

TEST(SavedSequenceTest, BelongsToItsModelItsPagesAndItsContext) {
  const std::vector<std::byte> bytes = saved();
  const auto refused_by = [&](const EngineOptions& options, const char* words) {
    Engine engine(options);
    EXPECT_THAT([&] { (void)load_sequence(engine, 0, bytes, "saved.bin"); }, ThrowsMessage<Error>(HasSubstr(words)));
  };
  EngineOptions other_model = serving_options();
  other_model.model_path = std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny.gguf";
  refused_by(other_model, "another model");
  EngineOptions short_context = serving_options();
  short_context.context = 256;
  refused_by(short_context, "more tokens than the context");
  EngineOptions other_pages = serving_options();
  other_pages.policy = off_policy();
  other_pages.other_policies.clear();
  refused_by(other_pages, "pages of another size");
}

TEST(SavedSequenceTest, FindsNoRoomInAPoolThatIsTaken) {
  const std::vector<std::byte> bytes = saved("off");
  Engine engine(serving_options(2 * int64_t(bytes.size())));
  std::vector<Sequence> others;
  while (engine.cache().appendable_pages() * int64_t(engine.cache().page_bytes()) > int64_t(bytes.size())) {
    others.push_back(answered(engine, "off", kPrompt));
  }
  EXPECT_FALSE(load_sequence(engine, SlotId(others.size()), bytes, "saved.bin"));
  engine.cache().check_integrity();
}

TEST(SavedSequenceTest, TheSchedulerKeepsWhatItRestores) {
  SchedulerOptions keeping;
  keeping.kept_caches = 4;
  const std::vector<int> prompt = prompt_of(kPrompt, 3);
  Harness before(serving_options(), keeping);
  before.submit(greedy_request(prompt, 0, "ratio=4"));
  before.run();
  const std::vector<std::byte> bytes = save_sequence(before.engine(), before.scheduler().kept().all().front());

  Harness after(serving_options(), keeping);
  const RequestId running = after.submit(greedy_request(prompt_of(20, 5), 400));
  after.step();
  EXPECT_THAT([&] { after.scheduler().restore_kept(0, bytes, "saved.bin"); },
              ThrowsMessage<Error>(HasSubstr("slot 0 is answering a request")));
  EXPECT_EQ(after.scheduler().restore_kept(2, bytes, "saved.bin"), kPrompt);
  EXPECT_EQ(after.scheduler().restore_kept(2, bytes, "saved.bin"), kPrompt);  // in place of the other
  EXPECT_THAT([&] { after.scheduler().restore_kept(2, std::span(bytes).first(bytes.size() / 2), "damaged.bin"); },
              ThrowsMessage<Error>(HasSubstr("damaged.bin")));
  EXPECT_EQ(after.scheduler().kept().all().size(), 1u);  // what is there stays
  std::vector<int> turn = prompt;
  for (int token : prompt_of(30, 9)) turn.push_back(token);
  const RequestId id = after.submit(greedy_request(turn, 5, "ratio=4"));
  after.run();
  EXPECT_EQ(after.answer(id).finish->reused_tokens, kPrompt);
  EXPECT_EQ(after.answer(running).tokens.size(), 400u);

  Harness none(serving_options());
  EXPECT_THAT([&] { none.scheduler().restore_kept(0, bytes, "x"); },
              ThrowsMessage<Error>(HasSubstr("no caches are kept")));
}

}  // namespace
}  // namespace leankv::testing
