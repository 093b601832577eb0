// What this machine can do at most: the denominators of the benchmarks.
#pragma once

#include "base/thread_pool.h"

namespace leankv {

// Multiplications and additions of int8 products per second of all threads together, with the widest instruction there
// is (AMX tiles, AVX-512 or AVX VNNI, else AVX2), on registers alone. 0 where there is none of these.
double measure_int8_peak(ThreadPool& threads);

}  // namespace leankv
