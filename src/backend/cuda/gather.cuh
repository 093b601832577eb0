// Energies that a prompt shows, in double precision (backend/append.cc, backend/observation.cc).
#pragma once

#include "backend/cuda/cache_tables.h"
#include "backend/cuda/simt.h"
#include "backend/cuda/step_entry.h"

namespace leankv {

// Rows of the step that belong to an entry and begin at a position; a view of a float matrix.
struct RowsView {
  const float* data;
  int stride;
  LEANKV_HD const float* row(int r) const { return data + std::size_t(r) * std::size_t(stride); }
};

LEANKV_HD inline int first_row_from(const StepEntry& entry, int position) {
  return position > entry.position ? position - entry.position : 0;
}

// Sums of the new values. Grid: x KV heads, y entries.
struct GatherValuesKernel {
  static constexpr int kThreads = 256;
  static constexpr int kFirstLeftOut = 4;  // kSkipFirst of backend/sequence_state.h
  struct Params {
    CacheTables tables;
    const StepEntry* entries;
    int layer;
    RowsView v;  // [rows, kv_heads * head_dim]
  };
  struct Shared {
    BlockSums<double, kThreads> sums;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const StepEntry& entry = p.entries[block.index_y()];
    if (entry.observing != Observing::kGather) return;
    const int d = p.tables.head_dim, head = p.layer * p.tables.kv_heads + block.index();
    double energy = 0;
    for (int c = block.thread(); c < d; c += kThreads) {
      double sum = 0;
      for (int r = first_row_from(entry, kFirstLeftOut); r < entry.rows; ++r) {
        const double x = p.v.row(entry.first_row + r)[block.index() * d + c];
        sum += x;
        energy += x * x;
      }
      entry.sums.value_sum[head * d + c] += sum;
    }
    energy = block.template shared<Shared>().sums.sum(block, energy);
    if (block.thread() == 0) entry.sums.value_energy[head] += energy;
  }
};

// Sums of the outputs and queries of the recent rows. Grid: x KV heads, y entries.
struct GatherOutputsKernel {
  static constexpr int kThreads = 256;
  struct Params {
    CacheTables tables;
    const StepEntry* entries;
    int layer;
    RowsView q, out;  // [rows, kv_heads * group * head_dim]
  };
  struct Shared {
    BlockSums<double, kThreads> sums;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const StepEntry& entry = p.entries[block.index_y()];
    if (entry.observing != Observing::kGather) return;
    const int d = p.tables.head_dim, columns = p.tables.group * d, head = p.layer * p.tables.kv_heads + block.index();
    double energy = 0;
    for (int c = block.thread(); c < d; c += kThreads) {
      double sum = 0;
      for (int r = first_row_from(entry, entry.windows.recent_from()); r < entry.rows; ++r) {
        for (int g = 0; g < p.tables.group; ++g) {
          const int column = block.index() * columns + g * d + c;
          const double q = p.q.row(entry.first_row + r)[column];
          sum += p.out.row(entry.first_row + r)[column];
          energy += q * q;
        }
      }
      entry.sums.output_sum[head * d + c] += sum;
    }
    energy = block.template shared<Shared>().sums.sum(block, energy);
    if (block.thread() == 0) entry.sums.query_energy[head] += energy;
  }
};

// Sum of ||x||^2 over the recent rows of the residual stream. Grid: y entries.
struct GatherResidualKernel {
  static constexpr int kThreads = 512;
  struct Params {
    const StepEntry* entries;
    int layer;
    RowsView x;
    int columns;
  };
  struct Shared {
    BlockSums<double, kThreads> sums;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const StepEntry& entry = p.entries[block.index_y()];
    if (entry.observing != Observing::kGather) return;
    double energy = 0;
    for (int r = first_row_from(entry, entry.windows.recent_from()); r < entry.rows; ++r) {
      const float* row = p.x.row(entry.first_row + r);
      for (int c = block.thread(); c < p.columns; c += kThreads) energy += double(row[c]) * row[c];
    }
    energy = block.template shared<Shared>().sums.sum(block, energy);
    if (block.thread() == 0) entry.sums.residual_energy[p.layer] += energy;
  }
};

}  // namespace leankv
