#include "server/http/router.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/error.h"
#include "base/letter_case.h"

namespace leankv {
namespace {

std::string digest(std::string_view text) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum);
  return {reinterpret_cast<const char*>(sum), sizeof sum};
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view bearer(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  return equal_ignoring_case(header.substr(0, kScheme.size()), kScheme) ? header.substr(kScheme.size()) : "";
}

bool matches(std::string_view pattern, std::string_view path) {
  const std::size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == path;
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) return false;
  return path.substr(before.size(), path.size() - before.size() - after.size()).find('/') == path.npos;
}

// "application/json; charset=utf-8" and "application/vnd.x+json" are JSON; no type at all is believed to be.
bool is_json(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return type.empty() || equal_ignoring_case(type, "application/json") ||
         (type.size() > 5 && equal_ignoring_case(type.substr(type.size() - 5), "+json"));
}

}  // namespace

KeyRing::KeyRing(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) digests_.push_back(digest(key));
}

bool KeyRing::admits(const HttpRequest& request) const {
  std::string_view given = bearer(request.header("authorization"));
  if (given.empty()) given = request.header("x-api-key");
  const std::string sum = digest(given);
  bool found = false;
  for (const std::string& key : digests_) found |= CRYPTO_memcmp(key.data(), sum.data(), sum.size()) == 0;
  return found;
}

const Route* Router::match(const HttpRequest& request) const {
  const auto found = std::ranges::find_if(
      routes_, [&](const Route& r) { return r.method == request.method && matches(r.path, request.path); });
  return found == routes_.end() ? nullptr : &*found;
}

std::string Router::methods_of(std::string_view path) const {
  std::string methods;
  for (const Route& r : routes_) {
    if (matches(r.path, path)) methods += (methods.empty() ? "" : ", ") + r.method;
  }
  return methods;
}

std::optional<HttpResponse> Router::refusal(const HttpRequest& request) const {
  const Route* route = match(request);
  if (!keys_.empty() && (route == nullptr || route->access != Access::kPublic) && !keys_.admits(request)) {
    HttpResponse response = error_response(401, "Invalid API key: send it as 'Authorization: Bearer KEY'");
    response.headers.push_back({"WWW-Authenticate", "Bearer"});
    return response;
  }
  if (route == nullptr) {
    const std::string methods = methods_of(request.path);
    if (methods.empty()) return error_response(404, "There is nothing at " + request.path);
    HttpResponse response = error_response(405, request.path + " takes " + methods + ", not " + request.method);
    response.headers.push_back({"Allow", methods});
    return response;
  }
  if (request.method == "POST" && !is_json(request.header("content-type"))) {
    return error_response(415, "Content-Type must be application/json");
  }
  return std::nullopt;
}

const Handler& Router::find(const HttpRequest& request) const {
  const Route* route = match(request);
  LEANKV_CHECK(route != nullptr);
  return route->handler;
}

}  // namespace leankv
