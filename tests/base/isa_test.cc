#include "base/isa.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace leankv {
namespace {

TEST(Isa, TheMachineHasScalarFirstAndEachOnce) {
  const std::vector<Isa> isas = available_isas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), Isa::kScalar);
  for (size_t i = 1; i < isas.size(); ++i) EXPECT_LT(isas[i - 1], isas[i]);
  EXPECT_EQ(best_isa(), isas.back());
}

TEST(Isa, NamesAreThoseOfTheCommandLine) {
  EXPECT_EQ(isa_name(Isa::kScalar), "scalar");
  EXPECT_EQ(isa_name(Isa::kAvx2), "avx2");
  EXPECT_EQ(isa_name(Isa::kAvxVnni), "avxvnni");
  EXPECT_EQ(isa_name(Isa::kAvx512), "avx512");
  EXPECT_EQ(isa_name(Isa::kAvx512Vnni), "avx512vnni");
  EXPECT_EQ(isa_name(Isa::kAmx), "amx");
  EXPECT_EQ(isa_name(Isa::kNeon), "neon");
  EXPECT_EQ(isa_name(Isa::kNeonDot), "neondot");
  EXPECT_EQ(isa_name(Isa::kNeonI8mm), "neoni8mm");
}

TEST(Isa, ParsesWhatTheMachineHas) {
  for (Isa isa : available_isas()) EXPECT_EQ(parse_isa(isa_name(isa)), isa);
}

TEST(Isa, RefusesOthersAndNamesTheChoices) {
  for (const char* name : {"", "AVX2", "avx1024"}) {
    try {
      parse_isa(name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadOption);
      for (Isa isa : available_isas()) {
        EXPECT_NE(std::string(error.what()).find(isa_name(isa)), std::string::npos) << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace leankv
