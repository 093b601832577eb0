// Whole files as bytes, for tests that alter them.
#pragma once

#include <cstddef>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace leankv::test {

inline std::string golden_path(const std::string& name) { return std::string(LEANKV_GOLDEN_DIR) + "/" + name; }

inline std::vector<std::byte> file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  std::vector<std::byte> bytes;
  for (std::istreambuf_iterator<char> c(file), end; c != end; ++c) bytes.push_back(std::byte(*c));
  return bytes;
}

}  // namespace leankv::test
