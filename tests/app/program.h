// Runs the program as a user does.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace leankv::test {

struct Finished {
  int code = -1;  // exit code; -1 where a signal ended it
  std::string out, err;
};

inline std::string whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A folder of its own, gone at the end.
class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "leankv_" + info->test_suite_name() + "_" + info->name();
    std::filesystem::create_directories(folder_);
  }
  ~ProgramTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // arguments: as a shell reads them.
  Finished run(const std::string& arguments, const std::string& input = "", const std::string& variables = "") const {
    std::ofstream(path("in"), std::ios::binary) << input;
    const std::string command = variables + " '" LEANKV_PROGRAM "' " + arguments + " <'" + path("in") + "' >'" +
                                path("out") + "' 2>'" + path("err") + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, whole_file(path("out")), whole_file(path("err"))};
  }

 private:
  std::string folder_;
};

}  // namespace leankv::test
