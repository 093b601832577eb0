// The cases of tests/golden/tokenizer, as tools/make_tokenizer_goldens.py writes them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "model/tokenizer.h"

namespace leankv::tests {

inline nlohmann::json read_golden(const std::string& name) {
  std::ifstream file(std::string(LEANKV_GOLDEN_DIR) + "/" + name);
  return nlohmann::json::parse(file);
}

inline std::string golden_text(const nlohmann::json& row) {
  std::string text;
  if (row.contains("hex")) {
    const std::string hex = row["hex"];
    for (std::size_t i = 0; i < hex.size(); i += 2) text += char(std::stoi(hex.substr(i, 2), nullptr, 16));
  } else {
    for (int n = row.value("times", 1); n > 0; --n) text += row["text"].get<std::string>();
  }
  return text;
}

inline void expect_golden(const Tokenizer& tokenizer, const nlohmann::json& rows) {
  for (const nlohmann::json& row : rows) {
    SCOPED_TRACE(row.contains("hex") ? row["hex"] : row["text"]);
    const std::string text = golden_text(row);
    EXPECT_EQ(tokenizer.encode(text, false), row["ids"].get<std::vector<int>>());
    if (row.contains("special_ids")) {
      EXPECT_EQ(tokenizer.encode(text, true), row["special_ids"].get<std::vector<int>>());
    }
  }
}

inline void expect_returned(const Tokenizer& tokenizer, const std::string& text) {
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, false)), text);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, true), true), text);
}

// Half of the rounds draw from the bytes of multi-byte characters, where sequences break in the most ways.
inline void expect_random_bytes_returned(const Tokenizer& tokenizer) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string text(random() % 60, ' ');
    for (char& c : text)
      c = round % 2 == 0 ? char(random()) : "\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80 a1\n"[random() % 13];
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, false)), text);
  }
}

inline Vocabulary small_vocabulary(const std::string& pre) {
  const nlohmann::json golden = read_golden("tokenizer/small.json");
  Vocabulary v;
  v.model = "gpt2";
  v.pre = pre;
  golden["tokens"].get_to(v.tokens);
  golden["merges"].get_to(v.merges);
  golden["types"].get_to(v.types);
  return v;
}

}  // namespace leankv::tests
