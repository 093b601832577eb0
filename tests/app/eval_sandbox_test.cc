// Python that a model wrote runs to its end or not at all, and nothing of it stays.
#include <gtest/gtest.h>

#include <filesystem>

#include "app/eval/suites/sandbox.h"
#include "app/files.h"

namespace leankv {
namespace {

class Sandbox : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!python_succeeds("pass")) GTEST_SKIP() << "no python3 here";
  }
};

TEST_F(Sandbox, TellsAnEndFromAFailure) {
  EXPECT_TRUE(python_succeeds("assert 1 + 1 == 2\nfrom typing import List"));
  EXPECT_FALSE(python_succeeds("assert 1 + 1 == 3"));
  EXPECT_FALSE(python_succeeds("def f(:"));
}

TEST_F(Sandbox, LeavingEarlyIsNoSuccess) {
  EXPECT_FALSE(python_succeeds("import sys\nsys.exit(0)"));
  EXPECT_FALSE(python_succeeds("import os\nos._exit(0)"));
}

TEST_F(Sandbox, EndsWhatDoesNotEnd) {
  SandboxLimits limits;
  limits.seconds = 1;
  EXPECT_FALSE(python_succeeds("while True: pass", limits));
}

TEST_F(Sandbox, MemoryAndFilesAreLimited) {
  EXPECT_FALSE(python_succeeds("x = bytearray(2 << 30)"));
  EXPECT_FALSE(python_succeeds("open('big', 'w').write('x' * (2 << 20))"));
  EXPECT_FALSE(python_succeeds("files = [open('f%d' % i, 'w') for i in range(200)]"));
}

TEST_F(Sandbox, HasNoInputAndItsOwnFolder) {
  EXPECT_TRUE(python_succeeds("import sys\nassert sys.stdin.read() == ''"));
  EXPECT_TRUE(python_succeeds("import os\nassert sorted(os.listdir('.')) == ['program.py']"));
  const std::string note = ::testing::TempDir() + "leankv_sandbox_folder";
  EXPECT_TRUE(python_succeeds("import os\nopen('" + note + "', 'w').write(os.getcwd())"));
  EXPECT_FALSE(std::filesystem::exists(read_file(note)));
  std::filesystem::remove(note);
}

}  // namespace
}  // namespace leankv
