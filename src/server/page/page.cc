#include "server/page/page.h"

#include <string>
#include <utility>

#include "base/error.h"
#include "server/page/page_files.h"

namespace leankv {
namespace {

constexpr std::pair<std::string_view, const char*> kContentTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".txt", "text/plain; charset=utf-8"},
};

const char* content_type(std::string_view path) {
  for (const auto& [ending, type] : kContentTypes) {
    if (path.ends_with(ending)) return type;
  }
  LEANKV_CHECK(false);
}

// Nothing from elsewhere, and not within another's page. The browser asks again each time: the program may have
// changed.
HttpResponse response_with(const PageFile& file) {
  return {200,
          std::string(file.content),
          content_type(file.path),
          {{"Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"},
           {"X-Content-Type-Options", "nosniff"},
           {"Cache-Control", "no-cache"}}};
}

}  // namespace

std::vector<Route> page_routes() {
  std::vector<Route> routes;
  for (const PageFile& file : page_files()) {
    const auto send = [&file](const HttpRequest&, const Responder& responder) { responder.send(response_with(file)); };
    routes.push_back({"GET", std::string(file.path), send, Access::kPublic});
    if (file.path == "/index.html") routes.push_back({"GET", "/", send, Access::kPublic});
  }
  return routes;
}

}  // namespace leankv
