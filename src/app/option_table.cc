#include "app/option_table.h"

#include <limits>
#include <vector>

#include "app/bench/option_rows.h"
#include "app/byte_size.h"
#include "app/calibrate/option_rows.h"
#include "app/download/option_rows.h"
#include "app/eval/option_rows.h"
#include "app/eval/suites/option_rows.h"
#include "app/load/option_rows.h"
#include "app/option_values.h"
#include "app/serve_option_rows.h"
#include "base/error.h"

namespace leankv {
namespace {

using Options = AppOptions;
using Text = const std::string;

double real(Text& text, double least, double most, const char* range) { return number(text, least, most, range); }

// llama.cpp's --logit-bias: ID+2.5, ID-1; "-inf" forbids the token.
LogitBias logit_bias(Text& text) {
  const std::size_t sign = text.find_first_of("+-", 1);
  if (sign == std::string::npos) refuse_option("'" + text + "' is not of the form ID+BIAS or ID-BIAS");
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {count(text.substr(0, sign)), float(real(text.substr(sign), -kInfinity, kInfinity, "a number"))};
}

void seed(Options& o, Text& text) {
  o.seed_given = text != "-1";  // llama.cpp's word for a random one
  if (o.seed_given) {
    o.generation.sampling.seed =
        number<uint64_t>(text, 0, std::numeric_limits<uint64_t>::max(), "a whole number from 0 up, or -1");
  }
}

// Options of other programs: what is said instead of ignoring them.
template <const char* const& kReason>
void unsupported(Options&, Text&) {
  throw Error(ErrorKind::kUnsupported, kReason);
}
const char* const kNoServer = "belongs to the server: leankv serve";
const char* const kNoBatch = "there is one batch size, the prompt tokens computed together: --chunk";
const char* const kNoAttention = "attention has one form here, which never stores its matrix";
const char* const kNoGpu = "devices are chosen with --device: cpu, cuda or reference";
const char* const kNoShift = "not available; tokens that do not matter are pruned from the cache by --kv instead";
const char* const kNoGrammar = "constrained output is not available yet";
const char* const kNoMapping = "the model is always mapped from its file, and not locked";
const char* const kNoInteractive = "not an option here; the conversation is the command leankv chat";

// llama.cpp's layers on the GPU: all or none here.
void gpu_layers(Options& o, Text& text) { o.engine.backend = text == "0" ? "cpu" : "cuda"; }

void one_sequence(Options&, Text& text) {
  if (text != "1") throw Error(ErrorKind::kUnsupported, "'" + text + "': this command serves one sequence");
}

constexpr unsigned kTalk = kGenerateCommand | kChatCommand;
constexpr unsigned kRun = kTalk | kServeCommand;
constexpr unsigned kCompute = kRun | kEvalCommands | kSuiteCommands | kBenchCommand | kCalibrateCommand;

const OptionRow kRows[] = {
    {"-p, --prompt", "TEXT", kGenerateCommand, "the prompt; without -p and -f it is read from stdin",
     [](Options& o, Text& t) { o.prompt = t; }},
    {"-f, --file", "FILE", kGenerateCommand, "read the prompt from a file; - is stdin",
     [](Options& o, Text& t) { o.prompt_file = t; }},
    {"--chat", "", kGenerateCommand, "ask the prompt as a user's message, in the model's chat template",
     [](Options& o, Text&) { o.chat = true; }},
    {"-sys, --system, --system-prompt", "TEXT", kTalk, "the system message", [](Options& o, Text& t) { o.system = t; }},
    {"--chat-template-file", "FILE", kRun, "a Jinja chat template instead of the model's own",
     [](Options& o, Text& t) { o.chat_template_file = t; }},
    {"-n, --n-predict, --predict, --max-tokens", "N", kRun, "at most N new tokens; -1: until the context is full (-1)",
     [](Options& o, Text& t) { o.generation.max_tokens = count(t, -1); }},
    {"--stop", "TEXT", kRun, "end the answer before this text; may be repeated",
     [](Options& o, Text& t) { o.generation.stop.push_back(t); }},
    {"--ignore-eos", "", kRun, "never let the model end the answer",
     [](Options& o, Text&) { o.generation.ignore_eos = true; }},

    {"--kv", "NAME", kRun, "the cache: off (16 bit), safe (3.3x smaller), balanced (7x), small (11x) (safe)",
     [](Options& o, Text& t) { o.kv.preset = t; }},
    {"--kv-ratio", "R", kRun, "instead: a cache R times smaller than at 16 bit",
     [](Options& o, Text& t) { o.kv.ratio = ratio(t); }},
    {"--kv-budget", "BYTES", kRun, "instead: at most so many bytes per sequence (512M, 1.5GiB)",
     [](Options& o, Text& t) { o.kv.budget_bytes = parse_bytes(t); }},
    {"--kv-policy", "TEXT|FILE", kRun, "instead: forecast or paper with settings k=v,..., or a file that holds them",
     [](Options& o, Text& t) { o.kv.policy = t; }},
    {"-ctk, --cache-type-k", "TYPE", kRun, "instead: keys as llama.cpp stores them: f16, q8_0, q4_0",
     [](Options& o, Text& t) { o.kv.cache_type_k = t; }},
    {"-ctv, --cache-type-v", "TYPE", kRun, "the same for values", [](Options& o, Text& t) { o.kv.cache_type_v = t; }},
    {"--kv-cache-dtype", "TYPE", kRun, "instead: auto or f16, q8_0, q4_0, or a tier's name (inspect --tiers)",
     [](Options& o, Text& t) { o.kv.cache_dtype = t; }},
    {"--kv-cache-memory-bytes", "BYTES", kRun | kKldCommand,
     "the pool of cache pages; default: what the context needs; eval: of the rows that judge, so that they judge early",
     [](Options& o, Text& t) { o.engine.pool_bytes = parse_bytes(t); }},
    {"-c, --ctx-size, --max-model-len, --context-length", "N", kRun,
     "tokens of context; 0: the model's, at most 8192 (0)", [](Options& o, Text& t) { o.engine.context = count(t); }},

    {"--temp, --temperature", "T", kRun, "0: always the likeliest token (0.8)",
     [](Options& o, Text& t) { o.generation.sampling.temperature = real(t, 0, 1e6, "a number from 0 up"); }},
    {"--top-k", "N", kRun, "draw from the N likeliest; 0: all (40)",
     [](Options& o, Text& t) { o.generation.sampling.top_k = count(t); }},
    {"--top-p", "P", kRun, "draw from the likeliest that sum to P; 1: all (0.95)",
     [](Options& o, Text& t) { o.generation.sampling.top_p = real(t, 0, 1, "a number from 0 to 1"); }},
    {"--min-p", "P", kRun, "draw from those at least P times as likely as the first; 0: all (0.05)",
     [](Options& o, Text& t) { o.generation.sampling.min_p = real(t, 0, 1, "a number from 0 to 1"); }},
    {"--repeat-penalty, --repetition-penalty", "X", kRun, "make repeated tokens less likely; 1: no (1)",
     [](Options& o, Text& t) { o.generation.sampling.repeat_penalty = real(t, 1e-6, 1e6, "a number above 0"); }},
    {"--repeat-last-n", "N", kRun, "how far back that looks; -1: everywhere (64)",
     [](Options& o, Text& t) { o.generation.sampling.repeat_last_n = count(t, -1); }},
    {"--presence-penalty", "X", kRun, "subtracted from the logits of those tokens; 0: no (0)",
     [](Options& o, Text& t) { o.generation.sampling.presence_penalty = real(t, -1e4, 1e4, "a number"); }},
    {"--frequency-penalty", "X", kRun, "the same, times how often each has come; 0: no (0)",
     [](Options& o, Text& t) { o.generation.sampling.frequency_penalty = real(t, -1e4, 1e4, "a number"); }},
    {"-s, --seed", "N", kRun, "the same seed gives the same answer; -1: a random one (-1)", seed},
    {"--logit-bias", "ID+V", kRun, "add V to a token's logit, ID-V subtracts; may be repeated",
     [](Options& o, Text& t) { o.generation.sampling.biases.push_back(logit_bias(t)); }},

    {"-t, --threads", "N", kCompute, "0: one per core (0)", [](Options& o, Text& t) { o.engine.threads = count(t); }},
    {"--cpu-strict", "0|1", kCompute, "1: worker threads stay on a core each (0)",
     [](Options& o, Text& t) { o.engine.threads_stay = number(t, 0, 1, "0 or 1") == 1; }},
    {"--activations", "NAME", kRun | kBenchCommand | kCalibrateCommand,
     "arithmetic of linear layers: exact, int8, f32 (exact)",
     [](Options& o, Text& t) { o.engine.activations = parse_activations(t); }},
    {"--device, --backend", "NAME", kCompute, "cpu, cuda or reference (cpu)",
     [](Options& o, Text& t) { o.engine.backend = t; }},
    {"--cpu-isa", "NAME", kCompute,
     "scalar, avx2, avxvnni, avx512, avx512vnni, amx, neon, neondot, neoni8mm; default: the best there is",
     [](Options& o, Text& t) { o.engine.isa = parse_isa(t); }},
    {"-ub, --chunk, --ubatch-size", "N", kCompute & ~kServeCommand, "prompt tokens computed together (512)",
     [](Options& o, Text& t) { o.engine.chunk = count(t, kSmallestChunk); }},
    {"--strict", "", kRun, "a fallback is an error", [](Options& o, Text&) { o.strict = true; }},
    {"--stats-json", "FILE", kGenerateCommand, "write the answer and what the cache did as JSON",
     [](Options& o, Text& t) { o.stats_json = t; }},
    {"--no-progress", "", kRun | kBenchCommand | kCalibrateCommand, "no progress bar on a terminal",
     [](Options& o, Text&) { o.progress = false; }},
    {"-v, --verbose", "", kTalk, "also say what each layer's cache took", [](Options& o, Text&) { o.verbose = true; }},

    {"--tiers", "", kInspectCommand, "the precisions of the cache and what each costs",
     [](Options& o, Text&) { o.tiers = true; }},
    {"--head-dim", "D", kInspectCommand, "for --tiers: channels of a head; default: the model's",
     [](Options& o, Text& t) { o.head_dim = count(t, 16); }},

    {"-ngl, --n-gpu-layers, --gpu-layers", "N", kCompute, "0: --device cpu; any other number, or all: --device cuda",
     gpu_layers},
    {"--gpu-memory-utilization", "SHARE", kCompute, "share of a GPU's memory that may be used (default: 0.9)",
     [](Options& o, Text& t) { o.engine.device_memory_share = real(t, 0.01, 1, "a share from 0.01 to 1"); }},

    {"-h, --help", "", kEveryCommand, "this text", [](Options& o, Text&) { o.help = true; }},

    {"-np, --parallel, --max-num-seqs", "N", kTalk, "", one_sequence},
    {"--host", "HOST", kTalk, "", unsupported<kNoServer>},
    {"--port", "N", kTalk, "", unsupported<kNoServer>},
    {"--api-key", "KEY", kTalk, "", unsupported<kNoServer>},
    {"-b, --batch-size", "N", kRun, "", unsupported<kNoBatch>},
    {"-fa, --flash-attn", "MODE", kRun, "", unsupported<kNoAttention>},
    {"-dev, --main-gpu", "NAME", kRun, "", unsupported<kNoGpu>},
    {"--context-shift", "", kRun, "", unsupported<kNoShift>},
    {"--keep", "N", kRun, "", unsupported<kNoShift>},
    {"--grammar, --grammar-file", "TEXT", kRun, "", unsupported<kNoGrammar>},
    {"-j, --json-schema", "TEXT", kRun, "", unsupported<kNoGrammar>},
    {"--no-mmap", "", kRun, "", unsupported<kNoMapping>},
    {"--mlock", "", kRun, "", unsupported<kNoMapping>},
    {"-cnv, --conversation", "", kRun, "", unsupported<kNoInteractive>},
    {"-i, --interactive", "", kRun, "", unsupported<kNoInteractive>},
};

}  // namespace

std::span<const OptionRow> option_table() {
  static const std::vector<OptionRow> rows = [] {
    const std::span<const OptionRow> eval = eval_option_rows();
    const std::span<const OptionRow> bench = bench_option_rows();
    std::vector<OptionRow> all(eval.begin(), eval.end());
    all.insert(all.end(), bench.begin(), bench.end());
    const std::span<const OptionRow> load = load_option_rows();
    all.insert(all.end(), load.begin(), load.end());
    const std::span<const OptionRow> suites = suite_option_rows();
    all.insert(all.end(), suites.begin(), suites.end());
    const std::span<const OptionRow> serve = serve_option_rows();
    all.insert(all.end(), serve.begin(), serve.end());
    const std::span<const OptionRow> calibrate = calibrate_option_rows();
    all.insert(all.end(), calibrate.begin(), calibrate.end());
    const std::span<const OptionRow> download = download_option_rows();
    all.insert(all.end(), download.begin(), download.end());
    all.insert(all.end(), std::begin(kRows), std::end(kRows));
    return all;
  }();
  return rows;
}

}  // namespace leankv
