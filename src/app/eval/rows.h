// The rows of a quality table: which cache, at which target, with which arithmetic.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dense_ops.h"
#include "kv/policy.h"

namespace leankv {

struct EvalRow {
  std::string name;                    // as given: "forecast", "q8_0:q4_0", "off, activations int8"
  std::optional<double> ratio_target;  // one of --ratios; none: the policy has its own, or none
  Policy policy;
  Activations activations = Activations::kF32;

  // Rows that one engine can serve without one paying for another's page size.
  bool same_engine(const EvalRow& other) const {
    return policy.tiers == other.policy.tiers && activations == other.activations;
  }
};

// policies: separated by commas; within one, '+' stands for parse_policy's comma ("forecast+tiers=K8V8/K4V4"). One
// that judges and names no target (forecast, paper, with or without other settings) gives a row per ratio, any other
// one row. Throws kBadOption.
std::vector<EvalRow> make_rows(std::string_view policies, std::span<const double> ratios, Activations activations);

// `off` with each other arithmetic: what faster linear layers cost by themselves, against f32.
std::vector<EvalRow> activation_rows();

}  // namespace leankv
