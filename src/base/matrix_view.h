// A non-owning, row-major matrix. Valid as long as the memory behind it.
#pragma once

#include <cstddef>
#include <span>

namespace leankv {

template <class T>
struct MatrixView {
  T* data = nullptr;
  int rows = 0;
  int columns = 0;
  std::ptrdiff_t stride = 0;  // elements from one row to the next

  MatrixView() = default;
  MatrixView(T* d, int r, int c) : MatrixView(d, r, c, c) {}
  MatrixView(T* d, int r, int c, std::ptrdiff_t s) : data(d), rows(r), columns(c), stride(s) {}
  operator MatrixView<const T>() const { return {data, rows, columns, stride}; }

  T* row(int r) const { return data + r * stride; }
  std::span<T> row_span(int r) const { return {row(r), std::size_t(columns)}; }
  MatrixView block(int first_row, int n_rows) const { return {row(first_row), n_rows, columns, stride}; }
};

using Matrix = MatrixView<float>;
using ConstMatrix = MatrixView<const float>;

}  // namespace leankv
