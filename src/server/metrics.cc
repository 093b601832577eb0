#include "server/metrics.h"

#include <algorithm>
#include <charconv>

namespace leankv {
namespace {

// vLLM's bounds.
const std::vector<double> kSeconds = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
                                      1.0,   2.5,   5.0,  7.5,  10,   20,   40,   80,  160,  640, 2560};
const std::vector<double> kTokens = {1,    2,    5,    10,    20,    50,    100,    200,   500,
                                     1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};

std::string number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

void header(std::string& text, const std::string& name, const char* type, const char* help) {
  text += "# HELP leankv:" + name + " " + help + "\n# TYPE leankv:" + name + " " + type + "\n";
}

void line(std::string& text, const std::string& name, const std::string& labels, double value) {
  text += "leankv:" + name + "{" + labels + "} " + number(value) + "\n";
}

void add(CacheUsage& sum, const CacheUsage& more) {
  sum.tokens += more.tokens;
  sum.bytes_16bit += more.bytes_16bit;
  sum.page_bytes += more.page_bytes;
  sum.table_bytes += more.table_bytes;
  sum.pruned += more.pruned;
  for (std::size_t i = 0; i < sum.tiers.size(); ++i) {
    sum.tiers[i].tokens += more.tiers[i].tokens;
    sum.tiers[i].pages += more.tiers[i].pages;
  }
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

// One row of the table below.
struct Row {
  const char *name, *type, *help;
  double value;
};

std::vector<Row> rows_of(const SchedulerStatistics& s, const CacheSnapshot& now, const CacheUsage& used,
                         int connections) {
  const double pages = double(std::max<int64_t>(s.pages, 1));
  return {
      {"num_requests_running", "gauge", "Choices that hold pages", double(s.running)},
      {"num_requests_waiting", "gauge", "Choices that wait for pages", double(s.waiting)},
      {"kv_cache_usage_perc", "gauge", "Share of the pool's pages in use, 0 to 1", double(s.pages_used) / pages},
      {"kv_pages", "gauge", "Pages of the pool", double(s.pages)},
      {"kv_pages_free", "gauge", "Free pages", double(s.pages - s.pages_used)},
      {"kv_pages_kept", "gauge", "Pages of kept caches among the free ones", double(s.pages_kept)},
      {"kv_pages_high_water", "gauge", "Most pages in use at once", double(s.pages_high_water)},
      {"kv_page_bytes", "gauge", "Bytes of a page", double(s.page_bytes)},
      {"kv_compression_ratio", "gauge", "16-bit bytes by page-true bytes of what runs; 0: nothing", now.usage.ratio()},
      {"connections", "gauge", "Open connections", double(connections)},
      {"requests_total", "counter", "Requests submitted", double(s.requests)},
      {"admission_rejections_total", "counter", "Requests that can never be served", double(s.refused)},
      {"requests_failed_total", "counter", "Choices that ended with an error", double(s.failed)},
      {"prompt_tokens_total", "counter", "Prompt tokens fed", double(s.prompt_tokens)},
      {"prompt_tokens_cached_total", "counter", "Prompt tokens that a kept cache held", double(s.reused_tokens)},
      {"generation_tokens_total", "counter", "Tokens generated", double(s.generated_tokens)},
      {"num_preemptions_total", "counter", "Sequences that gave their pages back", double(s.recomputed_sequences)},
      {"recomputed_tokens_total", "counter", "Tokens fed again for that", double(s.recomputed_tokens)},
      {"kv_finished_bytes_total", "counter", "Page-true bytes of finished choices", double(used.bytes())},
      {"kv_finished_bytes_16bit_total", "counter", "The same at 16 bits", double(used.bytes_16bit)},
      {"kv_finished_pruned_token_heads_total", "counter", "Tokens of one head that were pruned", double(used.pruned)},
      {"steps_total", "counter", "Steps of the engine", double(s.steps)},
      {"step_rows_total", "counter", "Tokens in all steps", double(s.step_rows)},
      {"schedule_seconds_total", "counter", "Time to choose what a step computes", s.times.schedule_ms / 1000},
      {"forward_seconds_total", "counter", "Time in the model", s.times.forward_ms / 1000},
      {"review_seconds_total", "counter", "Time to judge, review and recode", s.times.settle_ms / 1000},
      {"sample_seconds_total", "counter", "Time to sample and emit", s.times.sample_ms / 1000},
  };
}

}  // namespace

void Histogram::observe(double value) {
  ++counts_[std::size_t(std::ranges::lower_bound(bounds_, value) - bounds_.begin())];
  sum_ += value;
}

void Histogram::write(std::string& text, const std::string& name, const std::string& labels, const char* help) const {
  header(text, name, "histogram", help);
  int64_t total = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    total += counts_[i];
    const std::string bound = i < bounds_.size() ? number(bounds_[i]) : "+Inf";
    line(text, name + "_bucket", labels + ",le=\"" + bound + "\"", double(total));
  }
  line(text, name + "_sum", labels, sum_);
  line(text, name + "_count", labels, double(total));
}

CacheSnapshot snapshot_of(const Engine& engine, const Scheduler& scheduler) {
  CacheSnapshot snapshot;
  snapshot.page_bytes = engine.cache().page_bytes();
  snapshot.heads = engine.cache().shape().heads();
  for (const auto& running : scheduler.running()) add(snapshot.usage, engine.usage(running.sequence));
  return snapshot;
}

Metrics::Metrics(const std::string& model_name)
    : labels_("model_name=\"" + escaped(model_name) + "\""),
      first_token_(kSeconds),
      token_gap_(kSeconds),
      total_(kSeconds),
      queued_(kSeconds),
      prefill_(kSeconds),
      decode_(kSeconds),
      prompt_tokens_(kTokens),
      generated_tokens_(kTokens) {}

void Metrics::first_token(double seconds) {
  const std::lock_guard lock(mutex_);
  first_token_.observe(seconds);
}

void Metrics::token_gap(double seconds) {
  const std::lock_guard lock(mutex_);
  token_gap_.observe(seconds);
}

void Metrics::finished(const FinishEvent& finish, double seconds) {
  const std::lock_guard lock(mutex_);
  ++finished_[std::size_t(finish.reason)];
  total_.observe(seconds);
  queued_.observe(finish.queued_ms / 1000);
  prefill_.observe(finish.timings.prompt_ms / 1000);
  decode_.observe(finish.timings.predicted_ms / 1000);
  prompt_tokens_.observe(finish.prompt_tokens);
  generated_tokens_.observe(finish.completion_tokens);
  add(used_, finish.cache);
}

std::string Metrics::text(const SchedulerStatistics& statistics, const CacheSnapshot& now, int connections) const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const Row& row : rows_of(statistics, now, used_, connections)) {
    header(text, row.name, row.type, row.help);
    line(text, row.name, labels_, row.value);
  }
  header(text, "request_success_total", "counter", "Choices that finished");
  for (std::size_t i = 0; i < finished_.size(); ++i) {
    const std::string reason(finish_reason_name(FinishReason(i)));
    line(text, "request_success_total", labels_ + ",finished_reason=\"" + reason + "\"", double(finished_[i]));
  }
  header(text, "kv_bytes", "gauge", "Bytes of pages of what runs, by tier");
  for (const Tier& t : kTiers) {
    const int64_t pages = now.usage.tiers[std::size_t(t.id)].pages;
    if (pages > 0)
      line(text, "kv_bytes", labels_ + ",tier=\"" + std::string(t.name) + "\"", double(pages * now.page_bytes));
  }
  first_token_.write(text, "time_to_first_token_seconds", labels_, "From a request to its first token");
  token_gap_.write(text, "inter_token_latency_seconds", labels_, "From one token to the next");
  total_.write(text, "e2e_request_latency_seconds", labels_, "From a request to the end of its answer");
  queued_.write(text, "request_queue_time_seconds", labels_, "From a request to its first step");
  prefill_.write(text, "request_prefill_time_seconds", labels_, "Feeding the prompt");
  decode_.write(text, "request_decode_time_seconds", labels_, "From the end of the prompt to the end of the answer");
  prompt_tokens_.write(text, "request_prompt_tokens", labels_, "Tokens of a prompt");
  generated_tokens_.write(text, "request_generation_tokens", labels_, "Tokens of an answer");
  return text;
}

}  // namespace leankv
