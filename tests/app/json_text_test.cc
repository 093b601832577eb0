#include "app/eval/json_text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace leankv {
namespace {

using Json = nlohmann::ordered_json;

TEST(JsonText, WhatFitsStandsOnOneLine) {
  EXPECT_EQ(json_text({{"b", {1, 2}}, {"a", nullptr}}), R"({"b":[1,2],"a":null})");
}

TEST(JsonText, WhatDoesNotFitIsIndented) {
  const std::string word(kJsonLine - 2, 'x');  // with its quotes as long as a line
  EXPECT_EQ(json_text({{"list", {word, 1}}, {"key\n", {}}}),
            "{\n \"list\": [\n  \"" + word + "\",\n  1\n ],\n \"key\\n\": null\n}");
}

TEST(JsonText, IsTheSameValue) {
  const Json value = {{"rows", Json(std::vector<Json>(30, Json{{"policy", "safe"}, {"found", {true, false}}}))}};
  const std::string text = json_text(value);
  EXPECT_EQ(Json::parse(text), value);
  EXPECT_EQ(std::ranges::count(text, '\n'), 33);
}

TEST(JsonText, TakesBytesThatAreNoText) { EXPECT_EQ(Json::parse(json_text("a\xff")), "a\ufffd"); }

}  // namespace
}  // namespace leankv
