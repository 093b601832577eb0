// The one table of options.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/options.h"

namespace leankv {

// Single-dash words (-ctk) and options that other programs have, each with its own answer, are why this is a table
// with a parser of forty lines and no packaged one, which would know -c, --long and nothing between.
struct OptionRow {
  std::string_view names;  // "-c, --ctx-size, --max-model-len"
  std::string_view value;  // what help calls the value; empty: a switch
  unsigned commands;       // CommandSet
  std::string_view help;   // empty: understood, but not listed
  // Throws Error; the parser puts the name before the message. A switch gets "1".
  void (*apply)(AppOptions& options, const std::string& text);
};

std::span<const OptionRow> option_table();

}  // namespace leankv
