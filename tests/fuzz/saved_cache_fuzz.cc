// Any bytes are refused with an Error, or become a sequence whose tables hold every invariant. What is mutated is a
// saved sequence: the input says where bytes of it change (2 bytes of place, one of value, repeated), so that little of
// the effort goes into its beginning.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/cache_usage.h"
#include "backend/saved_cache.h"
#include "base/error.h"

namespace {

using namespace leankv;

constexpr CacheShape kShape{2, 2, 1, 32};
constexpr int kTokens = 70;

KvCache small_cache() { return {kShape, forecast_policy(4).tiers, 1 << 20, 2}; }

std::vector<std::byte> saved() {
  KvCache cache = small_cache();
  const auto lease = cache.admit(forecast_policy(4), TierId::kK8V8);
  cache.keep_positions(lease->slot());
  const BatchEntry entry{.slot = lease->slot(), .first_row = 0, .rows = kTokens, .position = 0};
  LEANKV_CHECK(cache.extend({&entry, 1}));
  ByteWriter to;
  save_cache(cache, lease->slot(), to);
  return to.written();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> kGood = saved();
  std::vector<std::byte> bytes = kGood;
  for (; size >= 3; data += 3, size -= 3) bytes[(data[0] << 8 | data[1]) % bytes.size()] = std::byte(data[2]);
  bytes.resize(bytes.size() - (size == 0 ? 0 : data[0] % bytes.size()));
  KvCache cache = small_cache();
  try {
    ByteReader from(bytes, "saved.bin");
    SavedCache read = read_cache(cache, from, "saved.bin");
    const auto lease = cache.restore(1, std::move(read.state), read.pages);
    cache.check_integrity();
    if (lease) (void)usage_of(cache, lease->slot());
  } catch (const Error&) {
  }
  cache.check_integrity();
  return 0;
}
