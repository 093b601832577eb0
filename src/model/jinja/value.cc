#include "model/jinja/value.h"

#include <algorithm>

namespace leankv::jinja {
namespace {

bool equal_items(Items a, Items b) { return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_equal); }

bool equal_dicts(const Dict& a, const Dict& b) {
  return a.entries.size() == b.entries.size() && std::ranges::all_of(a.entries, [&](const auto& entry) {
           const Value* other = b.find(entry.first);
           return other != nullptr && is_equal(entry.second, *other);
         });
}

}  // namespace

void Dict::set(std::string_view key, const Value& value) {
  const auto [place, is_new] = index.try_emplace(key, entries.size());
  if (is_new)
    entries.emplace_back(key, value);
  else
    entries[place->second].second = value;
}

const Value* Dict::find(std::string_view key) const {
  const auto place = index.find(key);
  return place == index.end() ? nullptr : &entries[place->second].second;
}

std::string_view kind_name(const Value& value) {
  static constexpr std::string_view kNames[] = {
      "undefined", "none",      "a truth value", "a whole number", "a number", "a string", "a list",    "a tuple",
      "a list",    "a mapping", "a namespace",   "a loop",         "a macro",  "a method", "a function"};
  return kNames[std::size_t(value.kind)];
}

int height(const Value& value) {
  if (value.is_sequence()) return value.items().height;
  return value.is(Kind::kDict) ? value.dict().height : 0;
}

bool is_true(const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInteger:
      return value.whole() != 0;
    case Kind::kFloat:
      return value.real() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return value.items().size != 0;
    case Kind::kDict:
      return !value.dict().entries.empty();
    default:
      return true;
  }
}

bool is_equal(const Value& a, const Value& b) {
  if (a.is_whole() && b.is_whole()) return a.whole() == b.whole();
  if (a.is_number() && b.is_number()) return a.real() == b.real();
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      return a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
      return equal_items(a.items(), b.items());
    case Kind::kDict:
      return equal_dicts(a.dict(), b.dict());
    case Kind::kNamespace:
      return std::get<Namespace*>(a.data) == std::get<Namespace*>(b.data);
    default:
      return false;
  }
}

}  // namespace leankv::jinja
