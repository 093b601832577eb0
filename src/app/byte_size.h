// Numbers of bytes as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leankv {

// "4096", "512M", "1.5GiB": K, M, G, T and KiB, MiB, GiB, TiB are powers of 1,024, KB, MB, GB, TB of 1,000. Throws
// kBadOption.
int64_t parse_bytes(std::string_view text);

std::string format_bytes(double bytes);  // "960 B", "1.5 KiB", "27.5 MiB"

}  // namespace leankv
