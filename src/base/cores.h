// The cores that this process may use.
#pragma once

#include <filesystem>
#include <vector>

namespace leankv {

// Processors in the process's affinity mask, one of each core: hyper-threads of a core share its arithmetic units. As
// many as the control group's share of time is worth, rounded up. In ascending order, at least one.
// root: instead of /, for tests: sys/devices/system/cpu and sys/fs/cgroup are read there; what is missing limits
// nothing.
std::vector<int> usable_cores(const std::filesystem::path& root = "/");

// Keeps the calling thread on this processor; nothing happens where the system does not allow it.
void stay_on(int processor);

}  // namespace leankv
