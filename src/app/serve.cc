// `leankv serve`: the model behind HTTP, until SIGTERM or Ctrl-C.
#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <sstream>

#include "app/calibrate/find_calibration.h"
#include "app/commands.h"
#include "app/files.h"
#include "app/model_path.h"
#include "app/policy_choice.h"
#include "app/progress_bar.h"
#include "app/prompt.h"
#include "app/session.h"
#include "base/error.h"
#include "server/model_server.h"

namespace leankv {
namespace {

constexpr const char* kUsage = "leankv serve [-m FILE]    OpenAI-compatible server\n\n";
constexpr auto kReportInterval = std::chrono::seconds(10);

// Blocked in every thread, so that they wait to be asked for.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// True when one has come.
bool signal_comes(const sigset_t& signals, std::chrono::milliseconds within) {
  const timespec limit{within.count() / 1000, (within.count() % 1000) * 1'000'000};
  return sigtimedwait(&signals, nullptr, &limit) > 0;
}

// A stream is a descriptor, and the usual limit of 1,024 is a default for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void add_keys_of_files(ServeOptions& serve) {
  for (const std::string& path : serve.api_key_files) {
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
      while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
      if (!line.empty()) serve.http.api_keys.push_back(line);
    }
    if (serve.http.api_keys.empty()) throw Error(ErrorKind::kBadOption, "--api-key-file " + path + ": holds no key");
  }
}

ModelServerOptions server_options(AppOptions o) {
  if (!o.arguments.empty()) {
    throw Error(ErrorKind::kBadOption, "unexpected argument '" + o.arguments.front() + "'; a model follows -m");
  }
  add_keys_of_files(o.serve);
  o.engine.policy = choose_policy(o.kv);
  for (const char* preset : {"safe", "balanced", "small"}) o.engine.other_policies.push_back(parse_policy(preset));
  o.engine.model_path = resolve_model(o);
  use_calibration(o);
  o.engine.sequences = o.serve.sequences;
  o.engine.chunk = o.serve.chunk;
  ModelServerOptions server;
  server.http = o.serve.http;
  server.engine = o.engine;
  server.scheduling.max_waiting = o.serve.max_waiting;
  server.scheduling.kept_caches = o.serve.cache_prompt ? o.serve.sequences : 0;
  server.slot_save_path = o.serve.slot_save_path;
  server.scheduling.on_log = [](std::string_view line) { fmt::print(stderr, "leankv: {}\n", line); };
  server.model.name =
      o.serve.alias.empty() ? std::filesystem::path(o.engine.model_path).stem().string() : o.serve.alias;
  server.model.defaults = o.generation;
  server.model.seed_given = o.seed_given;
  server.template_source = [o](const Engine& engine) { return chat_template_source(engine, o); };
  return server;
}

// What has happened since the last report; nothing is said where nothing has.
class Reporter {
 public:
  void report(const SchedulerStatistics& now, double seconds) {
    const auto rate = [&](int64_t after, int64_t before) { return double(after - before) / seconds; };
    const double prompt = rate(now.prompt_tokens, last_.prompt_tokens);
    const double generated = rate(now.generated_tokens, last_.generated_tokens);
    if (prompt + generated > 0 || now.running + now.waiting > 0) {
      fmt::print(stderr,
                 "leankv: prompt {:.1f} tokens/s, answers {:.1f} tokens/s, running {}, waiting {}, cache {:.1f} %\n",
                 prompt, generated, now.running, now.waiting,
                 100.0 * double(now.pages_used) / double(std::max<int64_t>(now.pages, 1)));
    }
    last_ = now;
  }

 private:
  SchedulerStatistics last_;
};

void serve_until_signal(const ModelServer& server, const sigset_t& signals) {
  Reporter reporter;
  do {
    reporter.report(server.service().statistics(), double(kReportInterval.count()));
  } while (!signal_comes(signals, kReportInterval));
}

}  // namespace

int run_serve(std::span<char* const> args) {
  const AppOptions options = parse_options(args, kServeCommand);
  if (options.help) return fmt::print("{}{}", kUsage, options_help(kServeCommand)), 0;
  const sigset_t signals = block_signals();
  raise_descriptor_limit();
  ModelServer server(server_options(options));
  fmt::print(stderr, "leankv: listening at {}\n", server.address());
  {
    ProgressBar bar("loading", options.progress && stderr_is_terminal());
    const auto stopped = [&] { return bar.update(server.service().load_progress()), signal_comes(signals, {}); };
    if (!server.wait_until_ready(stopped)) return 0;
  }
  fmt::print(stderr, "{}leankv: ready at {}/v1\n", startup_text(server.service().engine()), server.address());
  serve_until_signal(server, signals);
  fmt::print(stderr, "leankv: stopping; what runs may take {} s more, a second Ctrl-C ends it at once\n",
             options.serve.shutdown_seconds);
  std::signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  server.stop(std::chrono::seconds(options.serve.shutdown_seconds));
  return 0;
}

}  // namespace leankv
