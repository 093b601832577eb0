// Instruction sets that kernels are compiled for, best last, and what this machine has.
#pragma once

#include <string_view>
#include <vector>

namespace leankv {

enum class Isa { kScalar, kAvx2, kAvxVnni, kAvx512, kAvx512Vnni, kAmx };  // kAmx: AVX-512 VNNI with int8 tiles

std::string_view isa_name(Isa isa);  // "scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "amx"
// Ascending; always holds kScalar. Asks Linux for the use of AMX where the machine has it.
std::vector<Isa> available_isas();
Isa best_isa();
Isa parse_isa(std::string_view name);  // throws kBadOption, naming those that this machine has

}  // namespace leankv
