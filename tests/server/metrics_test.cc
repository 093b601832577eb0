#include "server/metrics.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

namespace leankv {
namespace {

using ::testing::IsSupersetOf;

// Every name that Prometheus knows after reading /metrics of a server with nothing to do.
std::set<std::string> printed_names() {
  const std::string text = Metrics("m").text(SchedulerStatistics{}, CacheSnapshot{}, 0);
  const std::regex type("# TYPE (\\S+) (\\S+)");
  std::set<std::string> names;
  for (std::sregex_iterator found(text.begin(), text.end(), type), end; found != end; ++found) {
    const std::string name = (*found)[1];
    if ((*found)[2] == "histogram") {
      names.insert({name + "_bucket", name + "_sum", name + "_count"});
    } else {
      names.insert(name);
    }
  }
  return names;
}

TEST(Metrics, DashboardAsksForWhatIsThere) {
  std::ifstream file(LEANKV_PACKAGING_DIR "/grafana-dashboard.json");
  const nlohmann::json dashboard = nlohmann::json::parse(file);
  std::set<std::string> asked;
  const std::regex name("leankv:[a-zA-Z0-9_]+");
  for (const nlohmann::json& panel : dashboard["panels"]) {
    for (const nlohmann::json& target : panel["targets"]) {
      const std::string expression = target["expr"];
      const std::sregex_iterator first(expression.begin(), expression.end(), name), end;
      EXPECT_NE(first, end) << expression;
      for (auto found = first; found != end; ++found) asked.insert(found->str());
    }
  }
  EXPECT_THAT(printed_names(), IsSupersetOf(asked));
  EXPECT_GT(asked.size(), 20u);
}

}  // namespace
}  // namespace leankv
