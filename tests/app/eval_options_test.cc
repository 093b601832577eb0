#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "app/eval/eval.h"
#include "app/options.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> args;
  for (std::string& w : words) args.push_back(w.data());
  return args;
}

AppOptions parse(CommandSet command, std::vector<std::string> words) { return parse_options(pointers(words), command); }

// Of `leankv eval`, which ends before a model is read.
std::string refusal(std::vector<std::string> words) {
  try {
    run_eval(pointers(words));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(EvalOptions, DefaultsAreThoseOfTheQualityTables) {
  const EvalOptions o = parse(kKldCommand, {}).eval;
  EXPECT_EQ(o.shape.prompt_tokens, 2048);
  EXPECT_EQ(o.shape.score_tokens, 256);
  EXPECT_THAT(o.starts, IsEmpty());
  EXPECT_EQ(o.segments, std::nullopt);
  EXPECT_EQ(o.seed, 1u);
  EXPECT_EQ(o.first_token, std::nullopt);
  EXPECT_EQ(o.policies, "forecast,paper,q8_0:q8_0,q8_0:q4_0,q4_0:q4_0");
  EXPECT_TRUE(o.activations_rows);
  EXPECT_EQ(o.activations, Activations::kF32);
  EXPECT_EQ(o.kv, "off");
  EXPECT_EQ(o.tokens, 512);
  EXPECT_EQ(o.score_from, 256);
}

TEST(EvalOptions, ReadsTheDivergencesOptions) {
  const AppOptions o = parse(kKldCommand, {"-m",
                                           "a.gguf",
                                           "--text",
                                           "b.txt",
                                           "--prompt-tokens",
                                           "512",
                                           "--score-tokens=64",
                                           "--starts",
                                           "1500,51439",
                                           "--starts",
                                           "7",
                                           "--first-token",
                                           "0",
                                           "--policies",
                                           "forecast,q8_0:q4_0",
                                           "--ratios",
                                           "4,5.5",
                                           "--json",
                                           "c.json",
                                           "--no-activations-rows",
                                           "--seed",
                                           "18446744073709551615",
                                           "-t",
                                           "3",
                                           "--activations",
                                           "int8",
                                           "--chunk",
                                           "64",
                                           "--cpu-isa",
                                           "scalar"});
  EXPECT_EQ(o.engine.model_path, "a.gguf");
  EXPECT_EQ(o.engine.threads, 3);
  EXPECT_EQ(o.engine.chunk, 64);
  EXPECT_EQ(o.engine.isa, Isa::kScalar);
  EXPECT_EQ(o.eval.text, "b.txt");
  EXPECT_EQ(o.eval.json, "c.json");
  EXPECT_EQ(o.eval.shape.prompt_tokens, 512);
  EXPECT_EQ(o.eval.shape.score_tokens, 64);
  EXPECT_THAT(o.eval.starts, ElementsAre(1500, 51439, 7));
  EXPECT_EQ(o.eval.first_token, 0);
  EXPECT_EQ(o.eval.policies, "forecast,q8_0:q4_0");
  EXPECT_THAT(o.eval.ratios, ElementsAre(4, 5.5));
  EXPECT_FALSE(o.eval.activations_rows);
  EXPECT_EQ(o.eval.seed, 18446744073709551615u);
  EXPECT_EQ(o.eval.activations, Activations::kInt8);
}

TEST(EvalOptions, ReadsThePerplexitysOptions) {
  const EvalOptions o = parse(kPplCommand, {"--kv", "q8_0:q4_0", "--tokens", "64", "--score-from", "32"}).eval;
  EXPECT_EQ(o.kv, "q8_0:q4_0");
  EXPECT_EQ(o.tokens, 64);
  EXPECT_EQ(o.score_from, 32);
}

TEST(EvalOptions, VariablesComeBeforeTheCommandLine) {
  setenv("LEANKV_PROMPT_TOKENS", "77", 1);
  setenv("LEANKV_NO_ACTIVATIONS_ROWS", "on", 1);
  setenv("LEANKV_TOKENS", "several", 1);
  EXPECT_EQ(parse(kKldCommand, {}).eval.shape.prompt_tokens, 77);
  EXPECT_EQ(parse(kKldCommand, {"--prompt-tokens", "5"}).eval.shape.prompt_tokens, 5);
  EXPECT_FALSE(parse(kKldCommand, {}).eval.activations_rows);
  EXPECT_EQ(refusal({"ppl"}), "LEANKV_TOKENS: 'several' is not a whole number from 0 up");
  for (const char* name : {"LEANKV_PROMPT_TOKENS", "LEANKV_NO_ACTIVATIONS_ROWS", "LEANKV_TOKENS"}) unsetenv(name);
}

TEST(EvalOptions, MistypedNamesGetTheNearestOneOfTheMeasurement) {
  EXPECT_EQ(refusal({"ppl", "--texd", "b"}), "unknown option --texd; did you mean --text?");
  EXPECT_EQ(refusal({"kld", "--prompt-token=4"}), "unknown option --prompt-token; did you mean --prompt-tokens?");
  EXPECT_EQ(refusal({"kld", "--score-from", "4"}), "unknown option --score-from; --help lists those there are");
  EXPECT_THAT(refusal({"ppl", "--policies", "off"}), HasSubstr("unknown option --policies"));
}

TEST(EvalOptions, BadValuesNameTheOptionAndTheRange) {
  EXPECT_EQ(refusal({"kld", "--starts", "1,x"}), "--starts: 'x' is not a whole number from 0 up");
  EXPECT_EQ(refusal({"kld", "--starts="}), "--starts: no token is named");
  EXPECT_EQ(refusal({"kld", "--ratios", "4,0.5"}), "--ratios: '0.5' is not a number from 1 up");
  EXPECT_EQ(refusal({"kld", "--ratios="}), "--ratios: no ratio is named");
  EXPECT_EQ(refusal({"kld", "--segments", "0"}), "--segments: '0' is not a whole number from 1 up");
  EXPECT_EQ(refusal({"kld", "--seed", "-1"}), "--seed: '-1' is not a whole number from 0 up");
  EXPECT_EQ(refusal({"kld", "--first-token", "-1"}), "--first-token: '-1' is not a whole number from 0 up");
  EXPECT_EQ(refusal({"kld", "--prompt-tokens", "2147483647"}),
            "--prompt-tokens: '2147483647' is not a whole number from 1 to 1000000000");
  EXPECT_EQ(refusal({"kld", "--activations", "fp4"}), "--activations: 'fp4' is none of exact, int8, f32");
  EXPECT_THAT(refusal({"kld", "--cpu-isa", "mmx"}), HasSubstr("--cpu-isa: 'mmx' is none"));
  EXPECT_EQ(refusal({"kld", "--text"}), "--text needs a value: --text FILE");
  EXPECT_EQ(refusal({"ppl", "--score-from", "1"}), "--score-from: '1' is not a whole number from 2 up");
}

TEST(EvalOptions, WhatDoesNotFitTogetherIsRefused) {
  EXPECT_THAT(refusal({}), HasSubstr("kld or ppl"));
  EXPECT_THAT(refusal({"perplexity"}), HasSubstr("kld or ppl"));
  EXPECT_EQ(refusal({"kld"}), "no text to measure on: give --text FILE");
  EXPECT_THAT(refusal({"kld", "--text", "b", "--starts", "1", "2"}), HasSubstr("'2'; lists are separated by commas"));
  EXPECT_THAT(refusal({"kld", "--text", "b", "--starts", "1", "--segments", "2"}),
              HasSubstr("--starts and --segments"));
  EXPECT_EQ(refusal({"ppl", "--text", "b", "--tokens", "9", "--score-from", "9"}),
            "--tokens 9: more than --score-from 9 is needed");
}

TEST(EvalOptions, HelpListsTheMeasurementsOptionsOnly) {
  const std::string kld = options_help(kKldCommand), ppl = options_help(kPplCommand);
  EXPECT_THAT(kld, AllOf(HasSubstr("--model"), HasSubstr("--starts"), Not(HasSubstr("--score-from"))));
  EXPECT_THAT(ppl, AllOf(HasSubstr("--model"), HasSubstr("--score-from"), Not(HasSubstr("--starts"))));
  EXPECT_THAT(options_help(kGenerateCommand), Not(HasSubstr("--text ")));
}

}  // namespace
}  // namespace leankv
