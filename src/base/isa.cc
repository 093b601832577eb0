#include "base/isa.h"

#include <string>

#include "base/error.h"

namespace leankv {
namespace {

struct Row {
  Isa isa;
  std::string_view name;
  bool (*present)();
};

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
bool has_avx512_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
#else
bool has_avx2() { return false; }
bool has_avx512() { return false; }
bool has_avx512_vnni() { return false; }
#endif

constexpr Row kRows[] = {
    {Isa::kScalar, "scalar", [] { return true; }},
    {Isa::kAvx2, "avx2", has_avx2},
    {Isa::kAvx512, "avx512", has_avx512},
    {Isa::kAvx512Vnni, "avx512vnni", has_avx512_vnni},
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
