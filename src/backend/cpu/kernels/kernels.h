// How CPU kernels are compiled once per instruction set, and how a new family of kernels joins.
//
// CMake compiles every src/backend/cpu/kernels/*.cc once per row of base/isa.h, with that instruction set's flags and
//   LEANKV_ISA_NS       the namespace of everything defined there: scalar, avx2, neon, ... (isa_name)
//   LEANKV_ISA          the enumerator of Isa
//   LEANKV_SIMD_HEADER  the verbs (load, fma, dot, ...) of that instruction set; include it as a macro
// A family "foo" consists of
//   kernels/foo.h       struct FooKernels, a table of function pointers; plain parameter structs; one declaration
//                       `const FooKernels& foo_kernels(IsaTag<isa>)` for each instruction set
//   kernels/foo.cc      namespace leankv::LEANKV_ISA_NS: the kernels, written once in terms of the verbs, and
//                       `constexpr FooKernels kFooKernels = {...}`; namespace leankv:
//                       `const FooKernels& foo_kernels(ThisIsa) { return LEANKV_ISA_NS::kFooKernels; }`
//   foo_kernels(Isa)    one line in a file outside kernels/: `return visit_isa(isa, [](auto tag) -> const FooKernels&
//                       { return foo_kernels(tag); });`
// AMX has the kernels of AVX-512 VNNI but for one (../tiles).
// dense_rows.h, dense_rows.cc and ../dense_rows_registry.cc are the smallest example; linear.* is one of several files.
//
// The one danger: an inline function of a shared header (std:: or ours), if the compiler emits it out of line, exists
// in several objects, and the linker may keep the copy with the widest instructions for the whole program. Therefore
// every function that a table points to is [[gnu::flatten]] (all it calls is inlined), these files are always
// optimised, and the build fails when one of their objects holds a weak function (nm in ../CMakeLists.txt).
#pragma once

#include "base/error.h"
#include "base/isa.h"

namespace leankv {

template <Isa isa>
struct IsaTag {};

using ScalarIsa = IsaTag<Isa::kScalar>;
using Avx2Isa = IsaTag<Isa::kAvx2>;
using AvxVnniIsa = IsaTag<Isa::kAvxVnni>;
using Avx512Isa = IsaTag<Isa::kAvx512>;
using Avx512VnniIsa = IsaTag<Isa::kAvx512Vnni>;
using NeonIsa = IsaTag<Isa::kNeon>;
using NeonDotIsa = IsaTag<Isa::kNeonDot>;
using NeonI8mmIsa = IsaTag<Isa::kNeonI8mm>;

#ifdef LEANKV_ISA
using ThisIsa = IsaTag<Isa::LEANKV_ISA>;
#endif

// Calls f with the tag of isa: the one place where an instruction set becomes a type.
// REQUIRES isa is one that this program was built for.
template <class F>
decltype(auto) visit_isa(Isa isa, F&& f) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx2) return f(Avx2Isa{});
  if (isa == Isa::kAvxVnni) return f(AvxVnniIsa{});
  if (isa == Isa::kAvx512) return f(Avx512Isa{});
  if (isa == Isa::kAvx512Vnni || isa == Isa::kAmx) return f(Avx512VnniIsa{});
#elif defined(__aarch64__)
  if (isa == Isa::kNeon) return f(NeonIsa{});
  if (isa == Isa::kNeonDot) return f(NeonDotIsa{});
  if (isa == Isa::kNeonI8mm) return f(NeonI8mmIsa{});
#endif
  LEANKV_CHECK(isa == Isa::kScalar);
  return f(ScalarIsa{});
}

}  // namespace leankv
