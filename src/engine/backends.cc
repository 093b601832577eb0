#include "engine/backends.h"

#include <string>
#include <vector>

#include "backend/cpu/cache_ops.h"
#include "backend/cpu/dense_ops.h"
#include "backend/cuda/make_backend.h"
#include "backend/reference/cache_ops.h"
#include "backend/reference/dense_ops.h"
#include "base/cores.h"
#include "base/error.h"

namespace leankv {
namespace {

struct Row {
  std::string_view name;
  void (*fill)(Backend& backend, const EngineOptions& options);
};

void fill_cpu(Backend& backend, const EngineOptions& options) {
  const Isa isa = options.isa.value_or(best_isa());
  backend.dense = std::make_unique<CpuDenseOps>(*backend.threads, isa, options.activations);
  backend.cache = std::make_unique<CpuCacheOps>(*backend.threads, isa);
}

void fill_reference(Backend& backend, const EngineOptions&) {
  backend.dense = std::make_unique<ReferenceDenseOps>();
  backend.cache = std::make_unique<ReferenceCacheOps>();
}

void fill_cuda(Backend& backend, const EngineOptions& options) {
  const int most_tokens = options.context > 0 ? options.context : kDefaultContext;
  fill_with_device(backend, open_cuda_device(), most_tokens, options.device_memory_share);
}

constexpr Row kRows[] = {{"cpu", fill_cpu}, {"cuda", fill_cuda}, {"reference", fill_reference}};

}  // namespace

Backend make_backend(const EngineOptions& options) {
  std::string names;
  for (const Row& row : kRows) {
    names += (names.empty() ? "" : ", ") + std::string(row.name);
    if (row.name != options.backend) continue;
    Backend backend;
    std::vector<int> cores = usable_cores();
    const int threads = options.threads > 0 ? options.threads : int(cores.size());
    if (!options.threads_stay) cores.clear();
    backend.threads = std::make_unique<ThreadPool>(threads, std::move(cores));
    row.fill(backend, options);
    return backend;
  }
  throw Error(ErrorKind::kBadOption, "--device " + options.backend + ": there is " + names);
}

}  // namespace leankv
