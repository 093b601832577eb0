// Marks a function that host and device code share. Expands to nothing on a plain C++ compiler.
#pragma once

#ifdef __CUDACC__
#define LEANKV_HD __host__ __device__
#else
#define LEANKV_HD
#endif
