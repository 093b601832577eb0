#include "app/head_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "app/byte_size.h"
#include "app/table.h"
#include "base/error.h"

namespace leankv {
namespace {

std::string list_name(const SequenceState& state, int list) {
  return (list == kFreshList ? "fresh " : "") + std::string(tier(state.list_tier[std::size_t(list)]).name);
}

nlohmann::ordered_json head_json(const KvCache& cache, SlotId slot, int index) {
  const SequenceState& state = cache.state(slot);
  const HeadTable& head = state.heads[std::size_t(index)];
  std::vector<int64_t> tokens, bytes;
  for (int list = 0; list < state.lists(); ++list) {
    const auto in_list = [&](PageRef ref) { return ref.list() == list; };
    tokens.push_back(head.tokens[std::size_t(list)]);
    bytes.push_back(std::ranges::count_if(head.bag, in_list) * cache.page_bytes());
  }
  return {{"layer", index / cache.shape().kv_heads},
          {"head", index % cache.shape().kv_heads},
          {"tokens", tokens},
          {"bytes", bytes},
          {"pruned", state.tokens - head.total_tokens()}};
}

std::vector<std::string> row_of(const nlohmann::ordered_json& head, double bytes_16bit) {
  const auto tokens = head.at("tokens").get<std::vector<int64_t>>();
  const auto bytes = head.at("bytes").get<std::vector<int64_t>>();
  std::vector<std::string> row{fmt::format("{:5} {:4}", head.at("layer").get<int>(), head.at("head").get<int>())};
  for (std::size_t list = 0; list < tokens.size(); ++list) {
    row.push_back(tokens[list] == 0 ? "-" : fmt::format("{} ({})", tokens[list], format_bytes(double(bytes.at(list)))));
  }
  const auto all = double(std::accumulate(bytes.begin(), bytes.end(), int64_t{0}));
  row.push_back(std::to_string(head.at("pruned").get<int64_t>()));
  row.push_back(format_bytes(all));
  row.push_back(all == 0 ? "-" : fmt::format("{:.2f}x", bytes_16bit / all));
  return row;
}

}  // namespace

nlohmann::ordered_json heads_json(const KvCache& cache, SlotId slot) {
  const SequenceState& state = cache.state(slot);
  nlohmann::ordered_json lists = nlohmann::ordered_json::array(), heads = lists;
  for (int list = 0; list < state.lists(); ++list) lists.push_back(list_name(state, list));
  for (int i = 0; i < cache.shape().heads(); ++i) heads.push_back(head_json(cache, slot, i));
  return {{"tokens", state.tokens}, {"head_dim", cache.shape().head_dim}, {"lists", lists}, {"heads", heads}};
}

std::string heads_table(const nlohmann::ordered_json& report) try {
  std::vector<std::string> names{"layer head"};
  for (const auto& name : report.at("lists")) names.push_back(name.get<std::string>());
  for (const char* name : {"pruned", "bytes", "ratio"}) names.emplace_back(name);
  const double bytes_16bit = 4.0 * report.at("head_dim").get<int>() * report.at("tokens").get<int>();
  Table table(names);
  for (const auto& head : report.at("heads")) {
    const std::vector<std::string> row = row_of(head, bytes_16bit);
    if (row.size() != names.size()) throw Error(ErrorKind::kBadFile, "a head of the cache's report lacks a tier");
    table.add(row);
  }
  return table.text();
} catch (const nlohmann::json::exception&) {
  throw Error(ErrorKind::kBadFile, "no report of a cache: write one with /save in chat or with generate --stats-json");
} catch (const std::out_of_range&) {
  throw Error(ErrorKind::kBadFile, "a head of the cache's report has tokens without bytes");
}

}  // namespace leankv
