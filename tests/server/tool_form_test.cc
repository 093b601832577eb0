#include "server/openai/tool_form.h"

#include <gmock/gmock.h>

#include <random>

namespace leankv {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ToolForm kHermes = tool_form_of("{% if tools %}<tool_call>");
const ToolForm kLlama = tool_form_of("{% if tools %}<|start_header_id|>");
const ToolForm kGeneric = tool_form_of("{{ messages }}");

ToolCallReader::Found read(const ToolForm& form, std::string_view text, unsigned seed) {
  std::mt19937 random(seed);
  ToolCallReader reader(form);
  ToolCallReader::Found all;
  const auto add = [&](ToolCallReader::Found found) {
    all.text += found.text;
    for (ToolCall& call : found.calls) all.calls.push_back(std::move(call));
  };
  while (!text.empty()) {
    const std::size_t n = std::min<std::size_t>(text.size(), seed == 0 ? text.size() : random() % 7);
    add(reader.push(text.substr(0, n)));
    text.remove_prefix(n);
  }
  add(reader.finish());
  return all;
}

TEST(ToolForm, FollowsTheTemplate) {
  EXPECT_EQ(kHermes.kind, ToolForm::Kind::kHermes);
  EXPECT_EQ(kLlama.kind, ToolForm::Kind::kLlama3);
  EXPECT_EQ(kLlama.call.arguments, "parameters");
  EXPECT_EQ(kGeneric.kind, ToolForm::Kind::kGeneric);
}

TEST(ToolCallReader, FindsCallsHoweverTheTextIsCut) {
  const std::string text =
      "I look. <tool_call>\n{\"name\": \"a\", \"arguments\": {\"x\": \"</tool\"}}\n</tool_call>\n"
      "<tool_call>{\"name\":\"b\",\"arguments\":{}}</tool_call>";
  for (unsigned seed = 0; seed < 20; ++seed) {
    const auto found = read(kHermes, text, seed);
    EXPECT_EQ(found.text, "I look. ");
    ASSERT_THAT(found.calls, SizeIs(2));
    EXPECT_EQ(found.calls[0].name, "a");
    EXPECT_EQ(found.calls[0].arguments, "{\"x\":\"</tool\"}");
    EXPECT_EQ(found.calls[1].arguments, "{}");
  }
}

TEST(ToolCallReader, WhatIsNoCallStaysText) {
  for (const std::string text :
       {"a < b <tool_cal and no more", "<tool_call>nonsense</tool_call> x", "<tool_call>{\"name\":"}) {
    for (unsigned seed = 0; seed < 10; ++seed) {
      const auto found = read(kHermes, text, seed);
      EXPECT_EQ(found.text, text);
      EXPECT_THAT(found.calls, IsEmpty());
    }
  }
}

TEST(ToolCallReader, AnEndThatTheModelLeftOutIsForgiven) {
  EXPECT_THAT(read(kHermes, "<tool_call>{\"name\":\"a\",\"arguments\":{}}", 3).calls, SizeIs(1));
}

TEST(ToolCallReader, WholeAnswersAreCallsOfLlama) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const auto call = read(kLlama, " {\"name\": \"a\", \"parameters\": {\"x\": 1}}", seed);
    ASSERT_THAT(call.calls, SizeIs(1));
    EXPECT_EQ(call.calls[0].arguments, "{\"x\":1}");
    EXPECT_EQ(read(kLlama, "{\"x\": 1}", seed).text, "{\"x\": 1}");
    EXPECT_EQ(read(kLlama, "Hello {\"name\": \"a\", \"parameters\": {}}", seed).text,
              "Hello {\"name\": \"a\", \"parameters\": {}}");
  }
}

TEST(AdaptMessages, GivesTemplatesWhatTheyKnow) {
  const Json messages = Json::parse(R"([{"role":"user","content":"?"},
      {"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"a","arguments":"{\"x\":1}"}}]},
      {"role":"tool","tool_call_id":"1","content":"7"}])");
  const Json tools = Json::parse(R"([{"type":"function","function":{"name":"a"}}])");

  Json hermes = messages, hermes_tools = tools;
  adapt_messages(hermes, hermes_tools, kHermes);
  EXPECT_EQ(hermes[1]["tool_calls"][0]["function"]["arguments"], Json::parse(R"({"x":1})"));
  EXPECT_EQ(hermes_tools, tools);

  Json generic = messages, generic_tools = tools;
  adapt_messages(generic, generic_tools, kGeneric);
  EXPECT_TRUE(generic_tools.is_null());
  EXPECT_EQ(generic[0]["role"], "system");
  EXPECT_THAT(generic[0]["content"].get<std::string>(), HasSubstr(R"({"type":"function","function":{"name":"a"}})"));
  EXPECT_EQ(generic[2]["content"], "<tool_call>\n{\"name\":\"a\",\"arguments\":{\"x\":1}}\n</tool_call>");
  EXPECT_EQ(generic[3], Json::parse(R"({"role":"user","content":"<tool_response>\n7\n</tool_response>"})"));
}

}  // namespace
}  // namespace leankv
