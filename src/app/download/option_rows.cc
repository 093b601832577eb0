#include "app/download/option_rows.h"

namespace leankv {
namespace {

using Options = AppOptions;
using Text = const std::string;

// -m, -hf and -mu name one model: the last of them holds, so that the command line wins over a variable of another.
void model_file(Options& o, Text& text) {
  o.engine.model_path = text;
  o.download.repo = o.download.url = "";
}

void model_repo(Options& o, Text& text) {
  o.download.repo = text;
  o.engine.model_path = o.download.url = "";
}

void model_url(Options& o, Text& text) {
  o.download.url = text;
  o.engine.model_path = o.download.repo = "";
}

const OptionRow kRows[] = {
    {"-m, --model", "FILE", kModelCommands, "the GGUF file; default: what scripts/get-model fetched", model_file},
    {"-hf, -hfr, --hf-repo", "USER/REPO[:QUANT]", kModelCommands,
     "instead: fetched from Hugging Face once; without QUANT the first of Q4_K_M, Q8_0, ... that can be read",
     model_repo},
    {"-hff, --hf-file", "FILE", kModelCommands, "for -hf: this file of the repository",
     [](Options& o, Text& t) { o.download.file = t; }},
    {"-hft, --hf-token", "TOKEN", kModelCommands,
     "for -hf: who asks, where a repository is not public; default: $HF_TOKEN",
     [](Options& o, Text& t) { o.download.token = t; }},
    {"-mu, --model-url", "URL", kModelCommands, "instead: a GGUF file of the web, fetched once, then kept", model_url},
};

}  // namespace

std::span<const OptionRow> download_option_rows() { return kRows; }

}  // namespace leankv
