#include "app/byte_size.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace leankv {
namespace {

TEST(ByteSize, ReadsSuffixes) {
  EXPECT_EQ(parse_bytes("4096"), 4096);
  EXPECT_EQ(parse_bytes("4096B"), 4096);
  EXPECT_EQ(parse_bytes("2K"), 2048);
  EXPECT_EQ(parse_bytes("512M"), int64_t(512) << 20);
  EXPECT_EQ(parse_bytes("1.5GiB"), int64_t(3) << 29);
  EXPECT_EQ(parse_bytes("2MB"), 2'000'000);
  EXPECT_EQ(parse_bytes("1T"), int64_t(1) << 40);
}

TEST(ByteSize, RefusesWhatIsNone) {
  for (const char* text : {"", "M", "-1", "0", "12X", "12 M", "1Mi", "nan", "inf", "1e300", "5Kb"}) {
    EXPECT_THROW(parse_bytes(text), Error) << text;
  }
}

TEST(ByteSize, IsWrittenInBinaryUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(27.5 * (1 << 20)), "27.5 MiB");
  EXPECT_EQ(format_bytes(0x1p50), "1024.0 TiB");
}

}  // namespace
}  // namespace leankv
