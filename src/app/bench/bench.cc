#include "app/bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/bench/bandwidth.h"
#include "app/bench/device_kernels.h"
#include "app/bench/embedded.h"
#include "app/bench/measurement.h"
#include "app/bench/report.h"
#include "app/byte_size.h"
#include "app/files.h"
#include "app/load/bench_serve.h"
#include "app/model_path.h"
#include "app/option_values.h"
#include "app/options.h"
#include "app/progress_bar.h"
#include "backend/cuda/make_backend.h"
#include "engine/pool_size.h"
#include "model/shapes.h"

namespace leankv {
namespace {

constexpr const char* kUsage =
    "leankv bench    tokens per second of prompts and answers by cache, context depth and batch\n"
    "leankv bench serve    what many clients of a server get; has its own --help\n\n"
    "prompt: a whole prompt of that depth, judged at its end. prefill: a chunk of new tokens at that depth, shared by\n"
    "the sequences. decode: all sequences together, reviews included. Median and quartiles of the repetitions, in\n"
    "which the caches take turns.\n\n";

// The model of the options: a file, or random weights, whose image must live as long as the engine.
struct BenchModel {
  std::vector<std::byte> image;
  std::unique_ptr<GgufFile> file;
  std::string name;
};

void check_memory(const ModelShape& shape, WeightType type) {
  const WeightFormat& format = weight_format(type);
  const int64_t packed = matrix_elements(shape) / format.block_size * format.block_bytes;
  const int64_t largest = int64_t(shape.vocabulary) * shape.hidden / format.block_size * format.block_bytes;
  const int64_t free_bytes = free_memory_bytes();
  if (packed + 2 * largest <= free_bytes) return;  // packed twice where the embedding is the output matrix, too
  throw Error(ErrorKind::kDoesNotFit,
              fmt::format("--shape {} in {} needs {} of memory, {} are free", shape.name, format.name,
                          format_bytes(double(packed + 2 * largest)), format_bytes(double(free_bytes))));
}

BenchModel open_model(AppOptions& o) {
  BenchModel model;
  if (o.bench.shape.empty()) {
    o.engine.model_path = resolve_model(o);
    model.file = std::make_unique<GgufFile>(o.engine.model_path);
    model.name = std::filesystem::path(o.engine.model_path).filename();
    return model;
  }
  if (!o.engine.model_path.empty() || o.download.asked())
    refuse_option("-m and --shape both choose the model: use one");
  const ModelShape& shape = find_model_shape(o.bench.shape);
  check_memory(shape, o.bench.weights);
  model.image = random_model(shape, o.bench.weights);
  model.name = fmt::format("{} {}, random weights", shape.name, weight_format(o.bench.weights).name);
  model.file = std::make_unique<GgufFile>(model.image, std::string(shape.name));
  return model;
}

std::vector<int> text_tokens(const Tokenizer& tokenizer, const std::string& path, std::size_t count) {
  const std::string text = path.empty() ? std::string(kBenchText) : read_file(path);
  const std::vector<int> once = tokenizer.encode(text, false);
  if (once.empty()) throw Error(ErrorKind::kBadFile, "--text " + path + ": is empty");
  std::vector<int> tokens;
  while (tokens.size() < count) tokens.insert(tokens.end(), once.begin(), once.end());
  return tokens;
}

struct Machine {
  std::string model, isa, activations;
  int threads;
  double peak_gb_s;
  bool on_host;

  nlohmann::ordered_json json() const {
    return {
        {"model", model}, {"isa", isa}, {"activations", activations}, {"threads", threads}, {"peak_gb_s", peak_gb_s}};
  }
};

std::string heading(const Machine& m, const Engine& engine, const BenchPlan& plan) {
  return fmt::format(
      "model    {}: {} layers, {} heads, {} KV heads of {} channels; {} MB of packed weights\n"
      "backend  {}, {} threads, activations {}; memory is {} at {:.1f} GB/s\n"
      "each     median (quartiles) of {} repetitions: {} tokens of prefill, {} steps of decode\n",
      m.model, engine.config().layers, engine.config().heads, engine.config().kv_heads, engine.config().head_dim,
      engine.weights().packed_bytes() / 1000000, m.isa, m.threads, m.activations, m.on_host ? "read" : "copied",
      m.peak_gb_s, plan.repeat, plan.chunk, plan.steps);
}

std::string mixes_text(std::span<const PointResult> points) {
  std::string text;
  for (const TierMix& mix : recorded_tier_mixes()) {
    const bool used = std::ranges::any_of(points, [&](const PointResult& p) { return p.synthetic && p.kv == mix.kv; });
    if (used) text += "  " + tier_mix_summary(mix) + "\n";
  }
  return text;
}

// Of the memory that the cache lies in, bytes per second.
double memory_peak(Engine& engine) {
  const std::optional<double> of_device = engine.backend().cache->measure_copy_peak();
  return of_device ? *of_device : measure_read_bandwidth(engine.threads());
}

void measure(AppOptions& o) {
  const BenchModel model = open_model(o);
  const ModelConfig config = read_config(*model.file);
  const BenchPlan plan = make_bench_plan(o.bench, o.engine.chunk, config.head_dim);
  o.engine.context = plan.context();
  const bool shown = o.progress && stderr_is_terminal();
  ProgressBar loading("loading", shown);
  Engine engine(o.engine, std::make_unique<GgufFile>(std::move(*model.file)),
                [&](double done) { loading.update(done); });
  loading.clear();
  const bool on_host = engine.cache().keeper() == nullptr;
  if (o.bench.phases && !on_host) {
    refuse_option("--phases times what the host computes; with --device " + o.engine.backend + " it only queues");
  }
  const double peak_before = memory_peak(engine);
  const std::vector<int> text = text_tokens(engine.tokenizer(), o.bench.text, std::size_t(plan.context()));
  ProgressBar bar("measuring", shown);
  Measurement measurement(engine, plan, text, [&](double done) { bar.update(done); });
  std::vector<PointResult> points = measurement.run();
  bar.clear();
  // Before and after: while something else ran on the machine, it is not the machine's peak.
  const double peak = std::max(peak_before, memory_peak(engine));
  for (PointResult& p : points) p.share_of_peak = p.gb_s * 1e9 / peak;
  const std::string isa(on_host ? isa_name(o.engine.isa.value_or(best_isa())) : engine.backend().dense->name());
  const Machine machine{
      model.name, isa,    std::string(activations_name(o.engine.activations)), engine.threads().size(),
      peak / 1e9, on_host};
  fmt::print("{}\n{}{}", heading(machine, engine, plan), points_to_text(points), mixes_text(points));
  if (o.bench.phases) fmt::print("\n{}", phases_to_text(points));
  if (!o.bench.json.empty()) write_json(o.bench.json, points_to_json(points, machine.json()));
  if (o.bench.record_mix.empty()) return;
  const std::string remark =
      fmt::format("shares of tokens by tier, {}, {} tokens; leankv bench --record-mix", model.name, plan.depths.back());
  write_file(o.bench.record_mix, write_tier_mixes(remark, measurement.mixes()));
}

// A few layers hold more than the caches of a GPU; the memory manager is measured on all of them.
void measure_kernels(const AppOptions& o) {
  if (o.engine.backend != "cuda") refuse_option("--kernels are those of --device cuda");
  constexpr int kLayers = 4;
  const ModelShape& shape = find_model_shape(o.bench.shape.empty() ? "llama-3-8b" : o.bench.shape);
  const BenchPlan bench = make_bench_plan(o.bench, o.engine.chunk, shape.head_dim);
  KernelPlan plan;
  plan.memory = {shape.layers, shape.kv_heads, shape.heads / shape.kv_heads, shape.head_dim};
  plan.attention = plan.memory, plan.attention.layers = kLayers;
  plan.cases = bench.cases, plan.depths = bench.depths, plan.batches = bench.batches, plan.repeat = bench.repeat;
  std::erase(plan.depths, 0);
  const nlohmann::ordered_json json = measure_device_kernels(*open_cuda_device(), plan);
  fmt::print("{}\n", json.dump(1));
  if (!o.bench.json.empty()) write_json(o.bench.json, json);
}

}  // namespace

int run_bench(std::span<char* const> args) {
  if (!args.empty() && std::string_view(args.front()) == "serve") return run_bench_serve(args.subspan(1));
  AppOptions options = parse_options(args, kBenchCommand);
  if (options.help) return fmt::print("{}{}", kUsage, options_help(kBenchCommand)), 0;
  if (!options.arguments.empty()) refuse_option("unexpected argument '" + options.arguments.front() + "'");
  options.bench.kernels ? measure_kernels(options) : measure(options);
  return 0;
}

}  // namespace leankv
