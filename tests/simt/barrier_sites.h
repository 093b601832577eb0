// Kernels with one of their barriers taken out, wherever it stands in their sources: what tests must notice.
#pragma once

#include <source_location>
#include <string>
#include <vector>

#include "simt/emulated_block.h"

namespace leankv::simt {

// The barriers that threads of blocks came by, and the one that is taken out.
class BarrierSites {
 public:
  static BarrierSites& instance();
  void take_out(const std::string& site) { missing_ = site; }
  std::vector<std::string> met() const;  // file:line
  // Whether threads are to pass this one without waiting. Called by them.
  bool passes(const std::source_location& at);

 private:
  static constexpr int kMost = 128;
  struct Site {
    const char* file;  // of the translation unit that the kernels are in: equal where the pointers are
    unsigned line;
  };
  static std::string name_of(const Site& site);
  Site met_[kMost] = {};
  int n_ = 0, taken_out_ = -1;
  std::string missing_;
};

class BlockWithoutBarrier : public EmulatedBlock {
 public:
  using EmulatedBlock::EmulatedBlock;
  void sync(std::source_location at = std::source_location::current()) {
    if (!BarrierSites::instance().passes(at)) EmulatedBlock::sync();
  }
  void sync_warp(std::source_location at = std::source_location::current()) {
    if (!BarrierSites::instance().passes(at)) EmulatedBlock::sync_warp();
  }
};

}  // namespace leankv::simt
