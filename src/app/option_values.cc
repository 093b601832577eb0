#include "app/option_values.h"

#include <algorithm>
#include <limits>

namespace leankv {
namespace {

struct ActivationsName {
  Activations activations;
  std::string_view name;
};
constexpr ActivationsName kActivations[] = {
    {Activations::kExact, "exact"}, {Activations::kInt8, "int8"}, {Activations::kF32, "f32"}};

}  // namespace

void refuse_option(const std::string& message) { throw Error(ErrorKind::kBadOption, message); }

int count(const std::string& text, int least) {
  const std::string range = "a whole number from " + std::to_string(least) + " up";
  return number(text, least, std::numeric_limits<int>::max(), range.c_str());
}

double ratio(const std::string& text) { return number(text, 1.0, 1e6, "a number from 1 up"); }

std::string_view activations_name(Activations activations) {
  return std::ranges::find(kActivations, activations, &ActivationsName::activations)->name;
}

Activations parse_activations(std::string_view name) {
  const auto found = std::ranges::find(kActivations, name, &ActivationsName::name);
  if (found == std::end(kActivations)) refuse_option("'" + std::string(name) + "' is none of exact, int8, f32");
  return found->activations;
}

std::vector<std::string> comma_separated(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace leankv
