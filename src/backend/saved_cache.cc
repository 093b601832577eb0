#include "backend/saved_cache.h"

#include <algorithm>
#include <string>

namespace leankv {
namespace {

// What must be the same where a cache is loaded.
struct Form {
  CacheShape shape;
  int page_bytes = 0;
  bool operator==(const Form& other) const {
    return shape.layers == other.shape.layers && shape.kv_heads == other.shape.kv_heads &&
           shape.group == other.shape.group && shape.head_dim == other.shape.head_dim && page_bytes == other.page_bytes;
  }
};

// Lists of a head's pages in the order of its bag; the pages themselves follow all else.
struct SavedHead {
  std::vector<uint8_t> lists;
  std::array<uint32_t, kMaxLists> tokens{};
};

constexpr uint64_t kMostHeads = 1 << 16;  // layers x KV heads

// One description for both ways: T is const where it is written.
template <class T, class Of>
concept Is = std::is_same_v<std::remove_const_t<T>, Of>;

void archive(auto& a, Is<HeadMemory> auto& m) { a(m.key_mean), a(m.constants), a(m.curve); }

void archive(auto& a, Is<HeadStatistics> auto& s) {
  a(s.value_sum), a(s.value_energy), a(s.output_sum), a(s.query_energy);
  for (auto& seen : s.seen) a(seen);
}

void archive(auto& a, Is<HeadPositions> auto& positions) {
  for (auto& list : positions) a(list);
}

template <class T>
void archive_all(ByteWriter& a, const std::vector<T>& values) {
  a(uint64_t(values.size()));
  for (const T& value : values) archive(a, value);
}
template <class T>
void archive_all(ByteReader& a, std::vector<T>& values) {
  values.resize(a.count(kMostHeads));
  for (T& value : values) archive(a, value);
}

// Everything but the policy, the tables and the pages.
void archive(auto& a, Is<SequenceState> auto& s) {
  a(s.list_tier), a(s.residual_energy), a(s.tokens), a(s.judge_at), a(s.windows);
  a(s.judgements), a(s.last_review), a(s.lambda);
  archive_all(a, s.memory), archive_all(a, s.statistics), archive_all(a, s.positions);
}

class Checker {
 public:
  explicit Checker(std::string_view name) : name_(name) {}
  void operator()(bool good, const char* what) const {
    if (!good) throw Error(ErrorKind::kBadFile, std::string(name_) + ": " + what);
  }

 private:
  std::string_view name_;
};

constexpr const char* kContradiction = "the saved cache contradicts itself";

HeadTable table_of(const KvCache& cache, const SequenceState& state, const SavedHead& saved, const Checker& check) {
  HeadTable head;
  head.tokens = saved.tokens;
  std::array<int64_t, kMaxLists> pages{};
  for (const uint8_t list : saved.lists) {
    check(list < state.lists(), kContradiction);
    ++pages[list];
    head.bag.emplace_back(list, 0);
  }
  for (int list = 0; list < kMaxLists; ++list) {
    const int64_t tokens = saved.tokens[list];
    const int64_t per_page = list < state.lists() ? cache.layout(state.list_tier[list]).tokens : 1;
    check(pages[list] == (tokens + per_page - 1) / per_page, kContradiction);
  }
  check(head.total_tokens() <= state.tokens, kContradiction);
  return head;
}

void check_lists(const KvCache& cache, const SequenceState& s, const Checker& check) {
  check(s.lists() == int(s.policy.tiers.size()) + 1 && s.lists() <= kMaxLists, kContradiction);
  for (TierId id : s.list_tier) {
    check(id < TierId::kCount && cache.holds(id), "it has a tier that this cache does not hold");
  }
}

void check_sizes(const KvCache& cache, const SequenceState& s, const Checker& check) {
  const std::size_t heads = std::size_t(cache.shape().heads()), channels = std::size_t(cache.shape().head_dim);
  const auto none_or = [](std::size_t size, std::size_t whole) { return size == 0 || size == whole; };
  check(!s.gathering() || (s.policy.judges() && s.judge_at >= s.tokens), kContradiction);
  check(s.tokens >= 0 && s.memory.size() == heads && none_or(s.statistics.size(), heads), kContradiction);
  check(none_or(s.positions.size(), heads) && none_or(s.residual_energy.size(), std::size_t(cache.shape().layers)),
        kContradiction);
  for (const HeadMemory& m : s.memory) check(none_or(m.key_mean.size(), channels), kContradiction);
  for (std::size_t h = 0; h < s.statistics.size(); ++h) {
    const HeadStatistics& of = s.statistics[h];
    check(none_or(of.value_sum.size(), channels) && none_or(of.output_sum.size(), channels), kContradiction);
    for (const auto& seen : of.seen) check(seen.size() <= std::size_t(s.heads[h].total_tokens()), kContradiction);
  }
  for (std::size_t h = 0; h < s.positions.size(); ++h) {
    for (int list = 0; list < kMaxLists; ++list) {
      check(s.positions[h][list].size() == s.heads[h].tokens[list], kContradiction);
    }
  }
  for (const HeadTable& head : s.heads) check(head.tokens[kFreshList] == s.heads[0].tokens[kFreshList], kContradiction);
}

}  // namespace

void save_cache(const KvCache& cache, SlotId slot, ByteWriter& to) {
  LEANKV_CHECK(cache.keeper() == nullptr);
  const SequenceState& state = cache.state(slot);
  to(Form{cache.shape(), cache.page_bytes()});
  to(describe(state.policy));
  archive(to, state);
  for (const HeadTable& head : state.heads) {
    SavedHead saved{{}, head.tokens};
    for (PageRef ref : head.bag) saved.lists.push_back(uint8_t(ref.list()));
    to(saved.lists), to(saved.tokens);
  }
  for (HeadTable head : state.heads) {
    head.for_each_ref([&](PageRef ref) { to.bytes({cache.page(ref.page()), std::size_t(cache.page_bytes())}); });
  }
}

SavedCache read_cache(const KvCache& cache, ByteReader& from, std::string_view name) {
  LEANKV_CHECK(cache.keeper() == nullptr);
  const Checker check(name);
  Form form;
  from(form);
  check(form == Form{cache.shape(), cache.page_bytes()},
        "it was saved by a model of another shape, or with pages of another size (start with the same --kv)");
  std::string policy;
  from(policy);
  SequenceState state;
  state.policy = parse_policy(policy);
  archive(from, state);
  check_lists(cache, state, check);
  std::size_t pages = 0;
  for (int h = 0; h < cache.shape().heads(); ++h) {
    SavedHead saved;
    from(saved.lists), from(saved.tokens);
    state.heads.push_back(table_of(cache, state, saved, check));
    pages += saved.lists.size();
  }
  check_sizes(cache, state, check);
  return {std::move(state), from.bytes(pages * std::size_t(cache.page_bytes()))};
}

}  // namespace leankv
