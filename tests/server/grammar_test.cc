#include <gmock/gmock.h>

#include <fstream>

#include "base/error.h"
#include "server/grammar_walks.h"
#include "server/schema_cases.h"
#include "server/schema_oracle.h"

namespace leankv {
namespace {

using test::Json;
using ::testing::HasSubstr;

// The vocabulary of tests/golden/tokenizer: every byte, and a few hundred merges.
const std::shared_ptr<const TokenTree>& small_tree() {
  static const Tokenizer tokenizer = [] {
    std::ifstream file(LEANKV_GOLDEN_DIR "/tokenizer/small.json");
    const auto json = nlohmann::json::parse(file);
    Vocabulary v;
    v.model = "gpt2";
    v.pre = "smollm";
    v.tokens = json["tokens"].get<std::vector<std::string>>();
    v.merges = json["merges"].get<std::vector<std::string>>();
    v.tokens.push_back("<|end|>");
    v.types.assign(v.tokens.size(), int32_t(TokenType::kNormal));
    v.types.back() = int32_t(TokenType::kControl);
    v.eos = int(v.tokens.size()) - 1;
    return Tokenizer(v);
  }();
  static const auto tree = std::make_shared<const TokenTree>(tokenizer);
  return tree;
}

std::shared_ptr<const Grammar> grammar_of(Automaton automaton) {
  return std::make_shared<const Grammar>(std::move(automaton), small_tree());
}
std::shared_ptr<const Grammar> schema_grammar(const std::string& schema) {
  return grammar_of(schema_automaton(Json::parse(schema)));
}

bool takes(const std::string& schema, std::string_view text) {
  GrammarMask mask(schema_grammar(schema));
  return mask.accepts(text) && mask.complete();
}

std::string refusal(const std::string& schema) {
  try {
    schema_automaton(Json::parse(schema));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Grammar, EveryWalkThatEndsParsesAndValidates) {
  int ended = 0, walks = 0;
  for (const char* schema : test::kSchemas) {
    const auto grammar = schema_grammar(schema);
    const Json root = Json::parse(schema);
    for (unsigned seed = 0; seed < 12; ++seed, ++walks) {
      const test::WalkedText walked = test::walk(grammar, seed, 400);
      if (!walked.ended) continue;
      ++ended;
      const Json value = Json::parse(walked.text, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << schema << "\n" << walked.text;
      EXPECT_TRUE(test::validates(root, root, value)) << schema << "\n" << walked.text;
    }
  }
  EXPECT_GT(ended, walks * 3 / 4);  // the others were still in something that recurs
}

// What the mask says without looking at the stack first must be what stepping through each token says.
TEST(Grammar, MaskIsTheSetOfTokensThatFit) {
  for (const char* schema : test::kSchemas) {
    const auto grammar = schema_grammar(schema);
    std::mt19937 random(7);
    GrammarMask mask(grammar);
    for (int step = 0; step < 25; ++step) {
      std::vector<uint64_t> allowed(std::size_t(small_tree()->tokens() + 63) / 64);
      mask.allow(allowed);
      std::vector<int> tokens;
      for (int t = 0; t < small_tree()->tokens(); ++t) {
        const bool is_end = std::ranges::count(small_tree()->end_tokens(), t) > 0;
        GrammarMask copy(mask);
        const bool fits =
            is_end ? mask.complete() : !small_tree()->bytes(t).empty() && copy.accepts(small_tree()->bytes(t));
        ASSERT_EQ(fits, (allowed[t / 64] >> (t % 64) & 1) == 1) << schema << " token " << small_tree()->bytes(t);
        if (fits && !is_end) tokens.push_back(t);
      }
      if (tokens.empty()) break;
      mask.accept(tokens[random() % tokens.size()]);
    }
  }
}

TEST(Grammar, TakesJsonAsPeopleWriteIt) {
  const std::string person = R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},
                                "required":["name"]})";
  EXPECT_TRUE(takes(person, R"({"name":"Jo\u00e9 \ud7ff","age":41})"));
  EXPECT_TRUE(takes(person, "{\n  \"name\": \"\xc3\xa9\xf0\x9f\x98\x80\"\n}"));
  EXPECT_FALSE(takes(person, R"({"age":41})"));
  EXPECT_FALSE(takes(person, R"({"name":"a","age":041})"));
  EXPECT_FALSE(takes(person, R"({"name":"a",})"));
  EXPECT_FALSE(takes(person, R"({"name":"a","other":1})"));
  EXPECT_FALSE(takes(person, "{\"name\":\"\xc3\"}"));
  EXPECT_FALSE(takes(person, "{\"name\":\"\n\"}"));
  EXPECT_FALSE(takes(person, R"({"name":"\ud800"})"));
  EXPECT_TRUE(takes("{}", R"([1.5e-3, {"a": [true, null]}, -0, ""])"));
}

TEST(Grammar, IntegerBoundsAreExact) {
  for (const auto& [least, most] : {std::pair(-12, 13), {0, 9}, {7, 7}, {98, 1002}, {-310, -29}}) {
    const std::string schema =
        R"({"type":"integer","minimum":)" + std::to_string(least) + R"(,"maximum":)" + std::to_string(most) + "}";
    GrammarMask start(schema_grammar(schema));
    for (int n = -1200; n <= 1200; ++n) {
      GrammarMask mask(start);
      EXPECT_EQ(mask.accepts(std::to_string(n)) && mask.complete(), n >= least && n <= most) << schema << n;
    }
  }
}

TEST(Grammar, RefusesWhatItDoesNotHoldTo) {
  EXPECT_THAT(refusal(R"({"type":"object","properties":{"a":{"type":"number","multipleOf":2}}})"),
              HasSubstr("#/properties/a: the keyword 'multipleOf' is not supported"));
  EXPECT_THAT(refusal(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})"), HasSubstr("'oneOf' at once"));
  EXPECT_THAT(refusal(R"({"$ref":"#"})"), HasSubstr("no JSON value"));
  EXPECT_THAT(refusal(R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})"), HasSubstr("refers to itself"));
  EXPECT_THAT(refusal(R"({"$ref":"http://x/y"})"), HasSubstr("only '#/...'"));
  EXPECT_THAT(refusal(R"({"$ref":"#/$defs/none"})"), HasSubstr("there is nothing"));
  EXPECT_THAT(refusal(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})"),
              HasSubstr("no JSON value"));
  EXPECT_THAT(refusal(R"({"type":"integer","minimum":5,"maximum":4})"), HasSubstr("no integer"));
  EXPECT_THAT(refusal(R"({"type":"text"})"), HasSubstr("none of JSON's"));
  EXPECT_THAT(refusal(R"_({"type":"string","pattern":"(?=x)"})_"), HasSubstr("groups are"));
  EXPECT_THAT(refusal(R"({"type":"string","pattern":"(a"})"), HasSubstr("no end"));
  EXPECT_THAT(refusal(R"({"type":"string","minLength":1000000})"), HasSubstr("too large"));
  EXPECT_THAT(refusal(R"({"anyOf":[{"type":"null"}],"type":"string"})"), HasSubstr("beside"));
  EXPECT_THAT(refusal(R"([])"), HasSubstr("a schema is an object"));
  EXPECT_THAT(refusal(R"({"type":"array","items":3})"), HasSubstr("#/items: a schema is an object"));
}

TEST(Grammar, CallsAreWellFormedAndFreeTextStaysFree) {
  const std::vector<ToolFunction> tools = {
      {"weather", Json::parse(R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})")},
      {"now", Json::parse(R"({"type":"object","properties":{}})")}};
  const CallForm form{"<tool_call>", "</tool_call>", "arguments"};
  const auto calls = grammar_of(calls_automaton(tools, form, true));
  const auto takes_call = [&](const auto& grammar, std::string_view text) {
    GrammarMask mask(grammar);
    return mask.accepts(text) && mask.complete();
  };
  const std::string one = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call>";
  EXPECT_TRUE(takes_call(calls, one));
  EXPECT_TRUE(takes_call(calls, one + "\n" + one));
  EXPECT_FALSE(takes_call(calls, "Hello" + one));
  EXPECT_FALSE(takes_call(calls, "<tool_call>\n{\"name\": \"rain\", \"arguments\": {}}\n</tool_call>"));
  EXPECT_FALSE(takes_call(calls, "<tool_call>\n{\"name\": \"weather\", \"arguments\": {}}\n</tool_call>"));

  const auto free = grammar_of(text_with_calls_automaton(tools, {"<tool_call>", "</tool_call>", "arguments"}, false));
  EXPECT_TRUE(takes_call(free, "It is <b>warm</b>, <tool is <<tool_cal"));
  EXPECT_TRUE(takes_call(free, "I look.<<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>"));
  EXPECT_FALSE(takes_call(free, "<tool_call>nonsense"));
}

TEST(Grammar, ClonesGoTheirOwnWays) {
  GrammarMask first(schema_grammar(R"({"enum":["ab","ac"]})"));
  EXPECT_TRUE(first.accepts("\"a"));
  const auto copy = first.clone();
  auto& second = dynamic_cast<GrammarMask&>(*copy);
  EXPECT_TRUE(first.accepts("b\""));
  EXPECT_TRUE(second.accepts("c\""));
  EXPECT_TRUE(first.complete() && second.complete());
}

TEST(GrammarCache, MakesAGrammarOnce) {
  GrammarCache cache(small_tree());
  int made = 0;
  const auto make = [&] { return ++made, schema_automaton(Json::parse("{}")); };
  const auto first = cache.get("a", make);
  EXPECT_EQ(cache.get("a", make), first);
  EXPECT_NE(cache.get("b", make), first);
  EXPECT_EQ(made, 2);
}

}  // namespace
}  // namespace leankv
