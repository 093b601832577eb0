#include "app/eval/suites/cell.h"

#include <algorithm>

#include "kv/tier.h"

namespace leankv {
namespace {

FinishReason reason_of(const std::string& name) {
  int r = 0;
  while (r + 1 < kFinishReasons && finish_reason_name(FinishReason(r)) != name) ++r;
  return FinishReason(r);
}

}  // namespace

int64_t SuiteCell::tokens() const {
  int64_t sum = int64_t(context.size());
  for (const auto& question : questions) sum += int64_t(question.size()) + max_tokens;
  return sum;
}

int SuiteCell::longest() const {
  std::size_t question = 0;
  for (const auto& q : questions) question = std::max(question, q.size());
  return int(context.size() + question) + max_tokens;
}

void CellResult::add_prompt(const CacheUsage& usage) {
  int64_t all = usage.pruned;
  for (const TierUsage& t : usage.tiers) all += t.tokens;
  const double before = double(bytes_16bit), after = before + double(usage.bytes_16bit);
  for (auto& [name, share] : kept) share *= before / after;
  const auto add = [&](std::string_view name, int64_t tokens) {
    if (tokens > 0) kept[std::string(name)] += double(tokens) / double(all) * double(usage.bytes_16bit) / after;
  };
  for (std::size_t t = 0; t < usage.tiers.size(); ++t) add(tier(TierId(t)).name, usage.tiers[t].tokens);
  add("pruned", usage.pruned);
  bytes_16bit += usage.bytes_16bit;
  bytes += usage.bytes();
}

nlohmann::ordered_json cell_to_json(const CellResult& result) {
  nlohmann::ordered_json answers = nlohmann::ordered_json::array();
  for (const CellAnswer& a : result.answers) {
    answers.push_back({{"text", a.text}, {"tokens", a.tokens}, {"finish", finish_reason_name(a.finish)}});
  }
  return {{"bytes_16bit", result.bytes_16bit}, {"bytes", result.bytes}, {"kept", result.kept}, {"answers", answers}};
}

CellResult cell_from_json(const nlohmann::ordered_json& json) {
  CellResult result;
  result.bytes_16bit = json.at("bytes_16bit").get<int64_t>();
  result.bytes = json.at("bytes").get<int64_t>();
  for (const auto& [name, share] : json.at("kept").items()) result.kept[name] = share.get<double>();
  for (const auto& a : json.at("answers")) {
    result.answers.push_back(
        {a.at("text").get<std::string>(), a.at("tokens").get<int>(), reason_of(a.at("finish").get<std::string>())});
  }
  return result;
}

}  // namespace leankv
