#include "base/isa.h"

#include <string>

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace leankv {
namespace {

struct Row {
  Isa isa;
  std::string_view name;
  bool (*present)();
};

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
// Leaf 7, second part, of CPUID: EAX bit 4.
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return has_avx2() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1) == 1;
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
bool has_avx512_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
// Leaf 7 of CPUID: EDX bit 24 is AMX-TILE, bit 25 AMX-INT8. Linux gives a process the tiles' registers when it asks
// (Documentation/arch/x86/xstate.rst).
bool has_amx() {
  constexpr unsigned kTileAndInt8 = 3u << 24;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return has_avx512_vnni() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (edx & kTileAndInt8) == kTileAndInt8 &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#else
bool has_avx2() { return false; }
bool has_avx_vnni() { return false; }
bool has_avx512() { return false; }
bool has_avx512_vnni() { return false; }
bool has_amx() { return false; }
#endif

#if defined(__aarch64__)
bool has_neon() { return true; }
bool has_neon_dot() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
bool has_neon_i8mm() { return has_neon_dot() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0; }
#else
bool has_neon() { return false; }
bool has_neon_dot() { return false; }
bool has_neon_i8mm() { return false; }
#endif

constexpr Row kRows[] = {
    {Isa::kScalar, "scalar", [] { return true; }},
    {Isa::kAvx2, "avx2", has_avx2},
    {Isa::kAvxVnni, "avxvnni", has_avx_vnni},
    {Isa::kAvx512, "avx512", has_avx512},
    {Isa::kAvx512Vnni, "avx512vnni", has_avx512_vnni},
    {Isa::kAmx, "amx", has_amx},
    {Isa::kNeon, "neon", has_neon},
    {Isa::kNeonDot, "neondot", has_neon_dot},
    {Isa::kNeonI8mm, "neoni8mm", has_neon_i8mm},
};

}  // namespace

std::string_view isa_name(Isa isa) { return kRows[int(isa)].name; }

std::vector<Isa> available_isas() {
  std::vector<Isa> found;
  for (const Row& row : kRows) {
    if (row.present()) found.push_back(row.isa);
  }
  return found;
}

Isa best_isa() { return available_isas().back(); }

Isa parse_isa(std::string_view name) {
  std::string choices;
  for (Isa isa : available_isas()) {
    if (isa_name(isa) == name) return isa;
    choices += (choices.empty() ? "" : ", ") + std::string(isa_name(isa));
  }
  throw Error(ErrorKind::kBadOption,
              "'" + std::string(name) + "' is none of this machine's instruction sets: " + choices);
}

}  // namespace leankv
