#include "server/page/page.h"

namespace leankv {
namespace {

constexpr const char* kIndex =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>LeanKV</title>"
    "<h1>LeanKV</h1><p>The API is at <code>/v1</code>: <a href=\"/v1/models\">models</a>, <a "
    "href=\"/health\">health</a>, "
    "<a href=\"/metrics\">metrics</a>.</p></html>\n";

}  // namespace

std::vector<Route> page_routes() {
  const auto index = [](const HttpRequest&, const Responder& responder) {
    responder.send({200, kIndex, "text/html; charset=utf-8"});
  };
  return {{"GET", "/", index, Access::kPublic}, {"GET", "/index.html", index, Access::kPublic}};
}

}  // namespace leankv
