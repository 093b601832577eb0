// The filters, tests, methods and functions that a chat template may name: one row each.
#pragma once

#include <string>
#include <string_view>

#include "model/jinja/runtime.h"

namespace leankv::jinja {

struct FilterRow {
  std::string_view name;
  Value (*apply)(Runtime& runtime, const Value& input, const Arguments& arguments);
};

struct TestRow {
  std::string_view name;
  bool (*holds)(Runtime& runtime, const Value& input, const Arguments& arguments);
};

struct MethodRow {
  Kind object;  // what has this method
  std::string_view name;
  Value (*call)(Runtime& runtime, const Value& object, const Arguments& arguments);
};

struct FunctionRow {
  std::string_view name;
  Value (*call)(Runtime& runtime, const Arguments& arguments);
};

// Each find answers nullptr for a name without a row; each names lists the rows, for messages.
const FilterRow* find_filter(std::string_view name);
const TestRow* find_test(std::string_view name);
const MethodRow* find_method(Kind object, std::string_view name);
const FunctionRow* find_function(std::string_view name);
bool is_method(std::string_view name);  // of any object
std::string filter_names();
std::string test_names();
std::string method_names();
std::string function_names();

template <class Row, std::size_t N>
const Row* find_row(const Row (&rows)[N], std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

template <class Row, std::size_t N>
std::string row_names(const Row (&rows)[N]) {
  std::string names;
  for (const Row& row : rows) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

}  // namespace leankv::jinja
