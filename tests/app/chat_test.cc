// The conversation as the terminal has it, over a tiny model with random weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/chat_commands.h"
#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;

EngineOptions tiny_options() {
  EngineOptions o;
  o.model_path = std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny.gguf";
  o.threads = 1;
  o.context = 512;
  o.other_policies = {forecast_policy(1)};
  return o;
}

// Answers of letters only: what a model with random weights says may be no text, which a prompt cannot repeat.
AppOptions chat_options(const Engine& engine) {
  AppOptions o;
  o.engine = tiny_options();
  o.generation.max_tokens = 4;
  o.generation.ignore_eos = true;
  o.generation.sampling.biases = {{engine.tokenizer().find("e"), 1e6f}};
  return o;
}

class ChatTest : public ::testing::Test {
 protected:
  ChatStep command(const std::string& line) { return run_chat_command(line, session_); }
  std::string content(std::size_t i) { return session_.messages()[i]["content"]; }

  Engine engine_{tiny_options()};
  ChatSession session_{engine_, chat_options(engine_)};
};

TEST_F(ChatTest, KeepsTheCacheOverTurns) {
  session_.say("the king", {});
  EXPECT_EQ(session_.reused_tokens(), 0);
  const int held = int(session_.sequence()->tokens.size());
  session_.say("and the ring", {});
  EXPECT_EQ(session_.reused_tokens(), held);
  ASSERT_EQ(session_.messages().size(), 4u);
  EXPECT_EQ(content(0), "the king");
  EXPECT_EQ(session_.messages()[3]["role"], "assistant");
}

TEST_F(ChatTest, AnotherSettingFeedsTheConversationAnew) {
  session_.say("the king", {});
  command("/kv balanced");
  EXPECT_EQ(session_.policy(), parse_policy("balanced"));
  EXPECT_EQ(session_.sequence(), nullptr);
  EXPECT_EQ(session_.messages().size(), 2u);
  session_.say("and the ring", {});
  EXPECT_EQ(session_.reused_tokens(), 0);
  command("/kv ratio 5");
  EXPECT_EQ(session_.policy(), forecast_policy(5));
  EXPECT_THROW(command("/kv blanced"), Error);
  EXPECT_THROW(command("/kv q8_0:q8_0"), Error);  // no pages for it
  EXPECT_EQ(session_.policy(), forecast_policy(5));
}

TEST_F(ChatTest, SavesAndLoadsTheConversation) {
  const std::string path = ::testing::TempDir() + "leankv_chat.json";
  session_.say("the king", {});
  command("/kv small");
  command("/save " + path);
  const Messages saved = session_.messages();
  command("/clear");
  EXPECT_TRUE(session_.messages().empty());
  command("/kv off");
  command("/load " + path);
  EXPECT_EQ(session_.messages(), saved);
  EXPECT_EQ(session_.policy(), parse_policy("small"));
  EXPECT_EQ(session_.sequence(), nullptr);
  session_.say("and the ring", {});
  EXPECT_EQ(session_.messages().size(), 4u);
}

TEST_F(ChatTest, ADamagedSaveChangesNothing) {
  session_.say("the king", {});
  const Messages before = session_.messages();
  const std::string path = ::testing::TempDir() + "leankv_damaged.json";
  for (const char* text : {"", "{", "[]", "{\"format\": 1}", "{\"format\": \"leankv conversation 1\", \"kv\": \"off\"}",
                           "{\"format\": \"leankv conversation 1\", \"kv\": \"off\", \"messages\": [3]}",
                           "{\"format\": \"leankv conversation 1\", \"kv\": \"nonsense\", \"messages\": []}"}) {
    std::ofstream(path) << text;
    EXPECT_THROW(command("/load " + path), Error) << text;
    EXPECT_EQ(session_.messages(), before);
  }
}

TEST_F(ChatTest, ADocumentGoesWithTheNextMessageOnly) {
  const std::string path = ::testing::TempDir() + "leankv_note.txt";
  std::ofstream(path) << "sing a thing";
  command("/file " + path);
  session_.say("the king", {});
  session_.say("the ring", {});
  EXPECT_EQ(content(0), "Document leankv_note.txt:\n\nsing a thing\n\nthe king");
  EXPECT_EQ(content(2), "the ring");
}

TEST_F(ChatTest, AMessageThatDoesNotFitIsNotKept) {
  session_.say("the king", {});
  EXPECT_THROW(session_.say(std::string(5000, 'q'), {}), Error);
  EXPECT_EQ(session_.messages().size(), 2u);
  session_.say("and the ring", {});
  EXPECT_EQ(session_.messages().size(), 4u);
}

TEST_F(ChatTest, CommandsThatAreNoneGetTheNearest) {
  EXPECT_EQ(command("/quit"), ChatStep::kQuit);
  try {
    command("/stast");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "unknown command /stast; did you mean /stats?");
  }
  EXPECT_THROW(command("/file"), Error);
  EXPECT_THROW(command("/file /no/such/file"), Error);
}

}  // namespace
}  // namespace leankv
