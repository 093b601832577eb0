// Instruction sets that kernels are compiled for, best last, and what this machine has.
#pragma once

#include <string_view>
#include <vector>

namespace leankv {

enum class Isa { kScalar, kAvx2, kAvx512, kAvx512Vnni };

std::string_view isa_name(Isa isa);  // "scalar", "avx2", "avx512", "avx512vnni"
std::vector<Isa> available_isas();   // ascending; always holds kScalar
Isa best_isa();
Isa parse_isa(std::string_view name);  // throws kBadOption, naming those that this machine has

}  // namespace leankv
