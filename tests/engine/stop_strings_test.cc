#include "engine/stop_strings.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/random.h"

namespace leankv {
namespace {

using Stops = std::vector<std::string>;

struct Outcome {
  std::string text;
  bool stopped;
  bool operator==(const Outcome&) const = default;
};

Outcome run(const Stops& stops, const std::vector<std::string>& pieces) {
  StopStrings s(stops);
  std::string text;
  for (const std::string& piece : pieces) text += s.push(piece);
  const bool stopped = s.stopped();
  return {stopped ? text : text + s.flush(), stopped};
}

TEST(StopStrings, EndsBeforeAStopStringAcrossPieces) {
  EXPECT_EQ(run({"END"}, {"one E", "N", "D two"}), (Outcome{"one ", true}));
  EXPECT_EQ(run({"END"}, {"one E", "N", "E"}), (Outcome{"one ENE", false}));
  EXPECT_EQ(run({}, {"a", "b"}), (Outcome{"ab", false}));
}

TEST(StopStrings, HoldsBackOnlyWhatMayBecomeAStopString) {
  StopStrings s({"\n\nUser", "xx"});
  EXPECT_EQ(s.push("ab\n"), "ab");
  EXPECT_EQ(s.push("\n"), "");
  EXPECT_EQ(s.push("\n"), "\n");  // the last two may still begin it
  EXPECT_EQ(s.push("Us"), "");
  EXPECT_EQ(s.push("a"), "\n\nUsa");
  EXPECT_EQ(s.push("x"), "");
  EXPECT_EQ(s.flush(), "x");
  EXPECT_EQ(s.flush(), "");
}

TEST(StopStrings, FirstToBeCompleteWins) {
  EXPECT_EQ(run({"abcd", "c"}, {"xabcd"}), (Outcome{"xab", true}));
  EXPECT_EQ(run({"bc", "abc"}, {"xabc"}), (Outcome{"x", true}));  // they end together: the longer
}

TEST(StopStrings, SaysNothingOnceStopped) {
  StopStrings s({"!"});
  EXPECT_EQ(s.push("a!b"), "a");
  EXPECT_EQ(s.push("c"), "");
  EXPECT_EQ(s.flush(), "");
}

TEST(StopStrings, RefusesAnEmptyString) { EXPECT_THROW(StopStrings({"a", ""}), Error); }

TEST(StopStrings, DoesNotDependOnThePieces) {
  Random random(11);
  const auto text_of = [&](std::size_t length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += "ab"[random.bits() % 2];
    return text;
  };
  int stopped = 0;
  for (int round = 0; round < 2000; ++round) {
    const Stops stops{text_of(3 + random.bits() % 6), text_of(2 + random.bits() % 9)};
    const std::string text = text_of(random.bits() % 60);
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size();) {
      pieces.push_back(text.substr(at, 1 + random.bits() % 4));
      at += pieces.back().size();
    }
    const Outcome whole = run(stops, {text});
    EXPECT_EQ(run(stops, pieces), whole) << text << " " << stops[0] << " " << stops[1];
    stopped += whole.stopped;
  }
  EXPECT_GT(stopped, 100);  // both cases are met
  EXPECT_LT(stopped, 1900);
}

}  // namespace
}  // namespace leankv
