#include "app/download/file_choice.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/block_formats.h"
#include "base/error.h"
#include "base/letter_case.h"

namespace leankv {
namespace {

constexpr std::size_t kMostNamed = 12;  // files in a message

// llama.cpp's default first, then the one that loses least.
constexpr std::string_view kPreferred[] = {"Q4_K_M", "Q8_0", "Q4_0", "Q4_1", "Q5_K_M", "Q6_K",
                                           "BF16",   "F16",  "FP16", "F32",  "FP32"};

// The file's name without its folders and ".gguf", in capitals.
std::string stem_of(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return upper(name.substr(0, name.rfind('.')));
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

bool is_model(const HubFile& file) {
  const std::string name = stem_of(file.path);
  return !has(name, "MMPROJ") && !has(name, "IMATRIX");
}

// "x-00001-of-00003.gguf"
bool is_split(const HubFile& file) {
  constexpr std::string_view kPattern = "-00000-OF-00000";
  const std::string name = stem_of(file.path);
  if (name.size() < kPattern.size()) return false;
  return std::ranges::equal(name.substr(name.size() - kPattern.size()), kPattern, [](unsigned char c, char p) {
    return p == '0' ? std::isdigit(c) != 0 : c == static_cast<unsigned char>(p);
  });
}

// Q4_K_M, IQ2_XXS, TQ1_0, BF16: what llama-quantize and those who publish call their forms.
bool is_quant_word(std::string_view word) {
  for (std::string_view name : {"F16", "BF16", "F32", "FP16", "FP32", "MXFP4"}) {
    if (word == name) return true;
  }
  if (word.starts_with('I') || word.starts_with('T')) word.remove_prefix(1);
  const bool digit = word.size() >= 2 && word[0] == 'Q' && std::isdigit(static_cast<unsigned char>(word[1])) != 0;
  return digit && (word.size() == 2 || word[2] == '_');
}

bool has_word(const std::string& stem, const std::string& word) {
  for (std::size_t at = 0; (at = stem.find(word, at)) != stem.npos; ++at) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || std::string_view("-._").find(stem[at - 1]) != std::string_view::npos;
    if (begins && (end == stem.size() || stem[end] == '-' || stem[end] == '.')) return true;
  }
  return false;
}

std::string names_of(const std::vector<HubFile>& files) {
  std::string names;
  for (std::size_t i = 0; i < files.size() && i < kMostNamed; ++i) names += (i == 0 ? "" : ", ") + files[i].path;
  if (files.size() > kMostNamed) names += " and " + std::to_string(files.size() - kMostNamed) + " more";
  return names;
}

std::vector<HubFile> only(const std::vector<HubFile>& files, auto wanted) {
  std::vector<HubFile> result;
  std::ranges::copy_if(files, std::back_inserter(result), wanted);
  return result;
}

bool is_usable(const HubFile& file) {
  const std::string quant = quant_of(file.path);
  return !is_split(file) && (quant.empty() || is_readable(quant));
}

// What a user may do about a file that is not there or of no use.
std::string what_there_is(const std::vector<HubFile>& models) {
  const std::vector<HubFile> usable = only(models, is_usable);
  if (!usable.empty()) return "of what is there these can be read: " + names_of(usable);
  if (models.empty()) return "the repository has no GGUF model";
  return "none that is there can be read (" + names_of(models) + "); weights may be " + weight_format_names();
}

HubFile check_usable(const HubFile& file, const std::vector<HubFile>& models, const std::string& repo) {
  if (is_split(file)) {
    throw Error(ErrorKind::kUnsupported, repo + ": " + file.path +
                                             " is one of several files of a model; join them with " +
                                             "llama-gguf-split --merge and give the result with -m");
  }
  if (!is_usable(file)) {
    throw Error(ErrorKind::kUnsupported, repo + ": " + file.path + " has weights of the form " + quant_of(file.path) +
                                             ", which is not read; " + what_there_is(models));
  }
  return file;
}

}  // namespace

std::string quant_of(const std::string& path) {
  const std::string stem = stem_of(path);
  std::string quant;
  for (std::size_t at = 0, separator = 0; separator != stem.npos; at = separator + 1) {
    const std::string word = stem.substr(at, stem.find_first_of("-.", at) - at);
    if (is_quant_word(word)) quant = word;
    separator = stem.find_first_of("-._", at);
  }
  return quant;
}

bool is_readable(const std::string& quant) {
  const auto reads = [](std::string_view name) {
    return std::ranges::any_of(weight_formats(), [&](const WeightFormat& f) { return f.name == name; });
  };
  if (quant == "FP16" || quant == "FP32") return true;  // F16 and F32
  if (const std::size_t k = quant.find("_K"); k != quant.npos) {
    return reads(quant.substr(0, k + 2)) && reads("Q6_K");  // _S, _M, _L: mixes with Q6_K
  }
  return reads(quant);
}

HubFile choose_file(const std::vector<HubFile>& files, const std::string& quant, const std::string& repo) {
  std::vector<HubFile> models = only(files, is_model);
  std::ranges::sort(models, {}, &HubFile::path);
  if (!quant.empty()) {
    const std::vector<HubFile> named =
        only(models, [&](const HubFile& f) { return has_word(stem_of(f.path), upper(quant)); });
    if (!named.empty()) return check_usable(named.front(), models, repo);
    throw Error(ErrorKind::kBadOption, repo + ": has no file of the form " + quant + "; " + what_there_is(models));
  }
  const std::vector<HubFile> usable = only(models, is_usable);
  for (const std::string_view form : kPreferred) {
    const auto found = std::ranges::find_if(usable, [&](const HubFile& f) { return quant_of(f.path) == form; });
    if (found != usable.end()) return *found;
  }
  if (!usable.empty()) return usable.front();
  if (!models.empty() && std::ranges::all_of(models, is_split)) check_usable(models.front(), models, repo);
  throw Error(ErrorKind::kUnsupported, repo + ": " + what_there_is(models));
}

HubFile find_file(const std::vector<HubFile>& files, const std::string& path, const std::string& repo) {
  const auto found = std::ranges::find(files, path, &HubFile::path);
  if (found == files.end()) {
    throw Error(ErrorKind::kBadOption,
                repo + ": has no GGUF file " + path + "; there is " + (files.empty() ? "none" : names_of(files)));
  }
  return *found;
}

}  // namespace leankv
