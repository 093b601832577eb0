// Instruction sets that kernels are compiled for, best last, and what this machine has.
#pragma once

#include <string_view>
#include <vector>

namespace leankv {

enum class Isa {
  kScalar,
  kAvx2,
  kAvxVnni,
  kAvx512,
  kAvx512Vnni,
  kAmx,  // AVX-512 VNNI with int8 tiles
  kNeon,
  kNeonDot,   // with products of signed bytes: ARMv8.2's option, ARMv8.4
  kNeonI8mm,  // and with products of unsigned and signed bytes: ARMv8.6
};

std::string_view isa_name(Isa isa);  // the enumerator in lower case: "scalar", "avx2", ... "neoni8mm"
// Ascending; always holds kScalar. Asks Linux for the use of AMX where the machine has it.
std::vector<Isa> available_isas();
Isa best_isa();
Isa parse_isa(std::string_view name);  // throws kBadOption, naming those that this machine has

}  // namespace leankv
