// The files of the page, as cmake/embed.cmake writes them into the program.
#pragma once

#include <span>
#include <string_view>

namespace leankv {

struct PageFile {
  std::string_view path;  // "/index.html"
  std::string_view content;
};

std::span<const PageFile> page_files();

}  // namespace leankv
