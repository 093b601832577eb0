// The measured points as a table for people and as JSON for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "app/bench/point.h"

namespace leankv {

std::string points_to_text(std::span<const PointResult> points);
std::string phases_to_text(std::span<const PointResult> points);  // of those that have them
// machine: what every point is told with.
nlohmann::ordered_json points_to_json(std::span<const PointResult> points, const nlohmann::ordered_json& machine);

}  // namespace leankv
