#include "app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "app/option_values.h"
#include "app/policy_choice.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

AppOptions parse(std::vector<std::string> words, CommandSet command = kGenerateCommand) {
  std::vector<char*> args;
  for (std::string& w : words) args.push_back(w.data());
  return parse_options(args, command);
}

std::string refusal(const std::vector<std::string>& words, CommandSet command = kGenerateCommand) {
  try {
    choose_policy(parse(words, command).kv);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(LoadOptions, ArrivalsAreClientsOrARate) {
  const auto arrivals = [](const std::string& text) { return parse({"--arrivals", text}, kLoadCommand).load.arrivals; };
  EXPECT_EQ(arrivals("closed:16").clients, 16);
  EXPECT_EQ(arrivals("closed:16").rate, 0);
  EXPECT_EQ(arrivals("poisson:2.5").rate, 2.5);
  for (const char* bad : {"closed", "closed:0", "poisson:0", "poisson:-1", "uniform:3", "closed:1x"}) {
    EXPECT_THAT(refusal({"--arrivals", bad}, kLoadCommand), HasSubstr("--arrivals: ")) << bad;
  }
}

TEST(Options, DefaultsAreLlamaCpps) {
  const AppOptions o = parse({});
  EXPECT_EQ(o.generation.sampling.temperature, 0.8);
  EXPECT_EQ(o.generation.sampling.top_k, 40);
  EXPECT_EQ(o.generation.sampling.top_p, 0.95);
  EXPECT_EQ(o.generation.sampling.min_p, 0.05);
  EXPECT_EQ(o.generation.max_tokens, -1);
  EXPECT_FALSE(o.seed_given);
}

TEST(Options, SynonymsMeanTheSame) {
  for (const char* name : {"-c", "--ctx-size", "--max-model-len"}) EXPECT_EQ(parse({name, "77"}).engine.context, 77);
  for (const char* name : {"-n", "--n-predict", "--max-tokens"}) {
    EXPECT_EQ(parse({name, "5"}).generation.max_tokens, 5);
  }
  for (const char* name : {"--repeat-penalty", "--repetition-penalty"}) {
    EXPECT_EQ(parse({name, "1.5"}).generation.sampling.repeat_penalty, 1.5);
  }
  for (const char* name : {"-ctk", "--cache-type-k"}) EXPECT_EQ(parse({name, "q8_0"}).kv.cache_type_k, "q8_0");
  for (const char* name : {"-ctv", "--cache-type-v"}) EXPECT_EQ(parse({name, "q4_0"}).kv.cache_type_v, "q4_0");
  for (const char* name : {"-ub", "--chunk"}) EXPECT_EQ(parse({name, "64"}).engine.chunk, 64);
  for (const char* name : {"-sys", "--system"}) EXPECT_EQ(parse({name, "x"}).system, "x");
  for (const char* name : {"-s", "--seed"}) EXPECT_EQ(parse({name, "9"}).generation.sampling.seed, 9u);
}

TEST(Options, ReadsEveryFormOfValue) {
  EXPECT_EQ(parse({"--ctx-size=77"}).engine.context, 77);
  EXPECT_EQ(parse({"-p", "-ctk q8_0 --what"}).prompt, "-ctk q8_0 --what");  // a value is never an option
  EXPECT_EQ(parse({"-p", "--chat"}).prompt, "--chat");
  EXPECT_EQ(parse({"--prompt=a=b"}).prompt, "a=b");
  EXPECT_EQ(parse({"-c", "1", "-c", "2"}).engine.context, 2);
  EXPECT_EQ(parse({"--stop", "a", "--stop", "b"}).generation.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parse({"--kv-cache-memory-bytes", "1.5GiB"}).engine.pool_bytes, int64_t(3) << 29);
  EXPECT_EQ(parse({"-f", "-"}).prompt_file, "-");
  EXPECT_EQ(parse({"x.gguf"}, kInspectCommand).arguments, std::vector<std::string>{"x.gguf"});
  EXPECT_FALSE(parse({"--seed", "-1"}).seed_given);
}

TEST(Options, ReadsLogitBiases) {
  const auto biases = parse({"--logit-bias", "12+2.5", "--logit-bias", "7-inf"}).generation.sampling.biases;
  ASSERT_EQ(biases.size(), 2u);
  EXPECT_EQ(biases[0].token, 12);
  EXPECT_EQ(biases[0].bias, 2.5f);
  EXPECT_EQ(biases[1].token, 7);
  EXPECT_TRUE(std::isinf(biases[1].bias) && biases[1].bias < 0);
  EXPECT_THAT(refusal({"--logit-bias", "12"}), HasSubstr("ID+BIAS"));
}

TEST(Options, UnknownNamesGetTheNearestOne) {
  EXPECT_EQ(refusal({"--ctx-sise", "5"}), "unknown option --ctx-sise; did you mean --ctx-size?");
  EXPECT_EQ(refusal({"--tempp=1"}), "unknown option --tempp; did you mean --temp?");
  EXPECT_EQ(refusal({"-ctx", "5"}), "unknown option -ctx; did you mean -ctk?");
  EXPECT_EQ(refusal({"--no-such-thing-at-all"}), "unknown option --no-such-thing-at-all; --help lists those there are");
  EXPECT_THAT(refusal({"--tiers"}), HasSubstr("unknown option --tiers"));  // another command's
}

TEST(Options, BadValuesNameTheOptionAndTheRange) {
  EXPECT_EQ(refusal({"-c", "many"}), "-c: 'many' is not a whole number from 0 up");
  EXPECT_EQ(refusal({"--top-p", "1.5"}), "--top-p: '1.5' is not a number from 0 to 1");
  EXPECT_EQ(refusal({"-n", "99999999999"}), "-n: '99999999999' is not a whole number from -1 up");
  EXPECT_EQ(refusal({"--temp"}), "--temp needs a value: --temp T");
  EXPECT_EQ(refusal({"--chat=1"}), "--chat takes no value");
  EXPECT_THAT(refusal({"--activations", "fp4"}), AllOf(HasSubstr("--activations"), HasSubstr("exact, int8, f32")));
  EXPECT_THAT(refusal({"--cpu-isa", "mmx"}), AllOf(HasSubstr("--cpu-isa"), HasSubstr("scalar")));
}

TEST(Options, ActivationNamesAreReadBack) {
  for (const Activations a : {Activations::kExact, Activations::kInt8, Activations::kF32}) {
    EXPECT_EQ(parse_activations(activations_name(a)), a);
  }
}

TEST(Options, OtherProgramsOptionsAreRefusedWithAReason) {
  EXPECT_EQ(refusal({"-ngl", "0"}), "accepted");
  EXPECT_EQ(refusal({"-ngl", "99"}), "accepted");
  EXPECT_THAT(refusal({"--port", "8080"}), HasSubstr("server"));
  EXPECT_EQ(refusal({"-np", "1"}), "accepted");
  EXPECT_THAT(refusal({"-np", "4"}), HasSubstr("one sequence"));
}

TEST(Options, TheLastNameOfAModelHolds) {
  EXPECT_EQ(parse({"-m", "x.gguf", "-hf", "me/x:Q8_0"}).engine.model_path, "");
  EXPECT_EQ(parse({"-m", "x.gguf", "-hf", "me/x:Q8_0"}).download.repo, "me/x:Q8_0");
  EXPECT_FALSE(parse({"-hf", "me/x", "-mu", "https://x/y.gguf", "-m", "x.gguf"}).download.asked());
  const Variable model("LEANKV_MODEL", "x.gguf"), repo("LEANKV_HF_REPO", "me/x");
  EXPECT_EQ(parse({"-mu", "https://x/y.gguf"}).download.repo, "");
  EXPECT_EQ(parse({"-m", "y.gguf"}).engine.model_path, "y.gguf");
  EXPECT_FALSE(parse({"-m", "y.gguf"}).download.asked());
}

TEST(Options, VariablesComeBeforeTheCommandLine) {
  const Variable context("LEANKV_CTX_SIZE", "100"), alias("LEANKV_MAX_TOKENS", "3"), on("LEANKV_IGNORE_EOS", "on");
  EXPECT_EQ(parse({}).engine.context, 100);
  EXPECT_EQ(parse({"-c", "5"}).engine.context, 5);
  EXPECT_EQ(parse({}).generation.max_tokens, 3);
  EXPECT_TRUE(parse({}).generation.ignore_eos);
  const Variable off("LEANKV_CHAT", "0"), bad("LEANKV_TOP_K", "x");
  EXPECT_EQ(refusal({}), "LEANKV_TOP_K: 'x' is not a whole number from 0 up");
  EXPECT_FALSE(parse({"--top-k", "1"}).chat);
}

TEST(Options, HelpListsTheCommandsOptionsOnly) {
  const std::string help = options_help(kGenerateCommand);
  EXPECT_THAT(help, AllOf(HasSubstr("-c, --ctx-size, --max-model-len"), HasSubstr("--stats-json FILE")));
  EXPECT_THAT(help, Not(HasSubstr("--head-dim")));
}

TEST(PolicyChoice, TakesOneWay) {
  EXPECT_EQ(choose_policy(parse({}).kv), parse_policy("safe"));
  EXPECT_EQ(choose_policy(parse({"--kv", "off"}).kv), off_policy());
  EXPECT_EQ(choose_policy(parse({"--kv-ratio", "5"}).kv), forecast_policy(5));
  EXPECT_EQ(choose_policy(parse({"--kv-budget", "1M"}).kv).budget_bytes, 1 << 20);
  EXPECT_EQ(choose_policy(parse({"--kv-policy", "paper,alpha_l=0.5"}).kv).alpha_low, 0.5);
  EXPECT_EQ(choose_policy(parse({"-ctk", "q8_0", "-ctv", "q4_0"}).kv), uniform_policy(TierId::kQ8Q4));
  EXPECT_EQ(choose_policy(parse({"--kv-cache-dtype", "auto"}).kv), off_policy());
  EXPECT_EQ(choose_policy(parse({"--kv-cache-dtype", "q8_0"}).kv), uniform_policy(TierId::kQ8Q8));
  EXPECT_EQ(choose_policy(parse({"--kv-cache-dtype", "K4V4"}).kv), uniform_policy(TierId::kK4V4));
  EXPECT_THAT(refusal({"--kv", "off", "--kv-ratio", "4"}), HasSubstr("--kv and --kv-ratio"));
  EXPECT_THAT(refusal({"--kv-cache-dtype", "fp8"}), HasSubstr("q8_0"));
  EXPECT_THAT(refusal({"--kv", "saef"}), HasSubstr("safe"));
}

TEST(PolicyChoice, ReadsSettingsFromAFile) {
  const std::string path = ::testing::TempDir() + "leankv_policy.txt";
  std::ofstream(path) << "# ours\nforecast\nratio = 6   # target\n\nwindow=32\n";
  const Policy policy = choose_policy(parse({"--kv-policy", path}).kv);
  EXPECT_EQ(policy.ratio, 6);
  EXPECT_EQ(policy.window, 32);
}

}  // namespace
}  // namespace leankv
