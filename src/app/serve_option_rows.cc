#include "app/serve_option_rows.h"

#include "app/byte_size.h"
#include "app/option_values.h"

namespace leankv {
namespace {

using Options = AppOptions;
using Text = const std::string;

constexpr int kMostPorts = 65535;
constexpr int kMostThreads = 1024;

// For those whose fingers know llama-server, where it is the limit of reading and of writing.
void timeout(Options& o, Text& t) {
  o.serve.http.limits.body = o.serve.http.limits.write = std::chrono::seconds(count(t, 1));
}

const OptionRow kRows[] = {
    {"--host", "HOST", kServeCommand, "the address to listen at; 0.0.0.0: all (127.0.0.1)",
     [](Options& o, Text& t) { o.serve.http.host = t; }},
    {"--port", "N", kServeCommand, "0: any that is free (8080)",
     [](Options& o, Text& t) { o.serve.http.port = number(t, 0, kMostPorts, "a port"); }},
    {"-np, --parallel, --max-num-seqs", "N", kServeCommand, "answers that may run at once (32)",
     [](Options& o, Text& t) { o.serve.sequences = count(t, 1); }},
    {"-ub, --chunk, --ubatch-size, --max-num-batched-tokens", "N", kServeCommand,
     "tokens computed together, of all prompts and answers (256)",
     [](Options& o, Text& t) { o.serve.chunk = count(t, kSmallestChunk); }},
    {"--max-waiting", "N", kServeCommand, "answers that may wait; more get 503 (1024)",
     [](Options& o, Text& t) { o.serve.max_waiting = count(t, 1); }},
    {"--cache-prompt, --enable-prefix-caching", "", kServeCommand,
     "a request that goes on where an answer ended feeds only what is new (the default)",
     [](Options& o, Text&) { o.serve.cache_prompt = true; }},
    {"--no-cache-prompt, --no-enable-prefix-caching", "", kServeCommand,
     "every prompt is computed whole, so an answer never depends on what came before",
     [](Options& o, Text&) { o.serve.cache_prompt = false; }},
    {"--slot-save-path", "DIR", kServeCommand, "where POST /slots/N?action=save and restore keep their files (nowhere)",
     [](Options& o, Text& t) { o.serve.slot_save_path = t; }},
    {"-a, --alias, --served-model-name", "NAME", kServeCommand, "what the model is called; default: its file's name",
     [](Options& o, Text& t) { o.serve.alias = t; }},
    {"--api-key", "KEY,...", kServeCommand, "clients must send one of these; may be repeated",
     [](Options& o, Text& t) {
       for (std::string& key : comma_separated(t)) o.serve.http.api_keys.push_back(std::move(key));
     }},
    {"--api-key-file", "FILE", kServeCommand, "the same, one key per line",
     [](Options& o, Text& t) { o.serve.api_key_files.push_back(t); }},
    {"--ssl-key-file, --ssl-keyfile", "FILE", kServeCommand, "serve HTTPS: the private key, PEM",
     [](Options& o, Text& t) { o.serve.http.tls_key_file = t; }},
    {"--ssl-cert-file, --ssl-certfile", "FILE", kServeCommand, "and its certificate chain, PEM",
     [](Options& o, Text& t) { o.serve.http.tls_certificate_file = t; }},
    {"--cors-origin", "ORIGIN", kServeCommand, "pages from there may ask; *: from anywhere; default: none",
     [](Options& o, Text& t) { o.serve.http.cors_origin = t; }},
    {"--threads-http", "N", kServeCommand, "for sockets and JSON (2)",
     [](Options& o, Text& t) { o.serve.http.threads = number(t, 1, kMostThreads, "a number of threads"); }},
    {"--timeout", "SECONDS", kServeCommand, "a client that neither sends nor reads is dropped after this (30)",
     timeout},
    {"--max-body", "BYTES", kServeCommand, "the largest request (32MiB)",
     [](Options& o, Text& t) { o.serve.http.limits.body_bytes = std::size_t(parse_bytes(t)); }},
    {"--max-connections", "N", kServeCommand, "more wait until one closes (16384)",
     [](Options& o, Text& t) { o.serve.http.limits.connections = count(t, 1); }},
    {"--shutdown-timeout", "SECONDS", kServeCommand, "how long answers may still run after SIGTERM (30)",
     [](Options& o, Text& t) { o.serve.shutdown_seconds = count(t); }},
};

}  // namespace

std::span<const OptionRow> serve_option_rows() { return kRows; }

}  // namespace leankv
