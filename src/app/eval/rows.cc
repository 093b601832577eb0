#include "app/eval/rows.h"

#include <algorithm>

#include "app/option_values.h"
#include "base/error.h"

namespace leankv {
namespace {

// Policies whose target the ratios are to set: those that judge by their kind's name, not by a preset's.
bool takes_ratios(std::string_view text) {
  const std::string_view base = text.substr(0, text.find(','));
  if (base != "forecast" && base != "paper" && base.find('=') == base.npos) return false;
  return std::ranges::none_of(std::initializer_list<std::string_view>{"ratio=", "budget=", "lambda="},
                              [&](std::string_view key) { return text.find(key) != text.npos; });
}

}  // namespace

std::vector<EvalRow> make_rows(std::string_view policies, std::span<const double> ratios, Activations activations) {
  std::vector<EvalRow> rows;
  for (const std::string& name : comma_separated(policies)) {
    std::string text = name;
    std::ranges::replace(text, '+', ',');
    EvalRow row{name, std::nullopt, parse_policy(text), activations};
    if (!takes_ratios(text)) {
      rows.push_back(row);
      continue;
    }
    for (const double ratio : ratios) {
      row.ratio_target = row.policy.ratio = ratio;
      validate(row.policy);
      rows.push_back(row);
    }
  }
  if (rows.empty()) throw Error(ErrorKind::kBadOption, "--policies and --ratios name no row to measure");
  return rows;
}

std::vector<EvalRow> activation_rows() {
  std::vector<EvalRow> rows;
  for (const Activations a : {Activations::kExact, Activations::kInt8}) {
    rows.push_back({"off, activations " + std::string(activations_name(a)), std::nullopt, off_policy(), a});
  }
  return rows;
}

}  // namespace leankv
