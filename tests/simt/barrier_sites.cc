#include "simt/barrier_sites.h"

#include "base/error.h"

namespace leankv::simt {

BarrierSites& BarrierSites::instance() {
  static BarrierSites sites;
  return sites;
}

std::string BarrierSites::name_of(const Site& site) {
  const std::string path = site.file;
  return path.substr(path.rfind('/') + 1) + ":" + std::to_string(site.line);
}

std::vector<std::string> BarrierSites::met() const {
  std::vector<std::string> names;
  for (int i = 0; i < n_; ++i) names.push_back(name_of(met_[i]));
  return names;
}

bool BarrierSites::passes(const std::source_location& at) {
  int i = 0;
  while (i < n_ && (met_[i].file != at.file_name() || met_[i].line != at.line())) ++i;
  LEANKV_CHECK(i < kMost);
  if (i == n_) {
    met_[n_++] = {at.file_name(), at.line()};
    if (name_of(met_[i]) == missing_) taken_out_ = i;
  }
  return i == taken_out_;
}

}  // namespace leankv::simt
