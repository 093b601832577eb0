// A hub as small as the tests need it: one server lists files and redirects, another one, on its own port, has them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace leankv::test {

struct Asked {
  std::string target;  // "/path?query"
  std::map<std::string, std::string> headers;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct Answered {
  int status = 200;
  std::string body;
  std::string headers = "";             // lines with their ends
  std::size_t cut = std::string::npos;  // only so many bytes of the body are sent, then the connection is closed
  bool stalls = false;                  // or, after those, kept open until the client goes
};

// One connection at a time, one answer each.
class TestServer {
 public:
  explicit TestServer(std::function<Answered(const Asked&)> answer)
      : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ready_ = bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 16) == 0 &&
             getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestServer() { stop(); }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  void stop() {
    if (!thread_.joinable()) return;
    shutdown(listener_, SHUT_RDWR);  // accept() returns
    thread_.join();
    close(listener_);
  }

  bool ready() const { return ready_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<Asked> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void serve() {
    for (int client; (client = accept(listener_, nullptr, nullptr)) >= 0; close(client)) {
      const Asked asked = read(client);
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(asked);
      }
      const Answered a = answer_(asked);
      send_all(client, "HTTP/1.1 " + std::to_string(a.status) + " x\r\nConnection: close\r\nContent-Length: " +
                           std::to_string(a.body.size()) + "\r\n" + a.headers + "\r\n" + a.body.substr(0, a.cut));
      char gone;
      while (a.stalls && recv(client, &gone, 1, 0) > 0) continue;
    }
  }

  static Asked read(int client) {
    std::string text;
    for (char c; text.find("\r\n\r\n") == text.npos && recv(client, &c, 1, 0) == 1;) text += c;
    Asked asked;
    const std::size_t from = text.find(' ') + 1;
    asked.target = text.substr(from, text.find(' ', from) - from);
    for (std::size_t at = text.find("\r\n"); at != text.npos; at = text.find("\r\n", at + 2)) {
      const std::string line = text.substr(at + 2, text.find("\r\n", at + 2) - at - 2);
      if (const std::size_t colon = line.find(": "); colon != line.npos) {
        asked.headers[line.substr(0, colon)] = line.substr(colon + 2);
      }
    }
    return asked;
  }

  static void send_all(int client, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(std::size_t(n));
    }
  }

  std::function<Answered(const Asked&)> answer_;
  int listener_;
  int port_ = 0;
  bool ready_ = false;
  mutable std::mutex mutex_;
  std::vector<Asked> asked_;
  std::thread thread_;
};

// The repository me/tiny. What may be changed is changed between requests only.
class TestHub {
 public:
  std::map<std::string, std::string> files;   // path to bytes
  std::map<std::string, std::string> sha256;  // of those that the listing gives one for
  std::string etag = "\"one\"";
  std::string token;    // empty: anybody may read
  int status = 200;     // of every answer of the hub
  int cuts = 0;         // so many transfers break off half way
  bool stalls = false;  // instead of being cut

  std::string url() const { return hub_.url(); }
  std::string store_url() const { return store_.url(); }
  std::vector<Asked> asked() const { return hub_.asked(); }
  std::vector<Asked> asked_of_store() const { return store_.asked(); }
  bool ready() const { return hub_.ready() && store_.ready(); }
  void stop() { hub_.stop(), store_.stop(); }

 private:
  Answered hub_answer(const Asked& asked) {
    if (!token.empty() && asked.header("Authorization") != "Bearer " + token) return {401, "{\"error\": \"no\"}"};
    if (status != 200) return {status, "no"};
    if (asked.target == "/api/models/me/tiny/tree/main?recursive=true") return {200, listing()};
    const std::string prefix = "/me/tiny/resolve/main/";
    if (!asked.target.starts_with(prefix)) return {404, "Not Found"};
    return {302, "elsewhere", "Location: " + store_.url() + "/" + asked.target.substr(prefix.size()) + "\r\n"};
  }

  std::string listing() const {
    nlohmann::json all = nlohmann::json::array({{{"type", "directory"}, {"path", "folder"}, {"size", 0}}});
    for (const auto& [path, bytes] : files) {
      nlohmann::json file = {{"type", "file"}, {"path", path}, {"size", bytes.size()}};
      if (sha256.contains(path)) file["lfs"] = {{"oid", sha256.at(path)}, {"size", bytes.size()}};
      all.push_back(file);
    }
    return all.dump();
  }

  Answered store_answer(const Asked& asked) {
    const auto found = files.find(asked.target.substr(1, asked.target.find('?') - 1));
    if (found == files.end()) return {404, "Not Found"};
    Answered answer{200, found->second, etag.empty() ? "" : "ETag: " + etag + "\r\n"};
    const std::string range = asked.header("Range");
    if (!range.empty() && asked.header("If-Range") == etag) {
      const std::size_t from = std::stoul(range.substr(std::string_view("bytes=").size()));
      const std::string size = std::to_string(found->second.size());
      if (from >= found->second.size()) return {416, "", "Content-Range: bytes */" + size + "\r\n"};
      answer.status = 206;
      answer.body = found->second.substr(from);
      answer.headers += "Content-Range: bytes " + std::to_string(from) + "-" +
                        std::to_string(found->second.size() - 1) + "/" + size + "\r\n";
    }
    if (cuts > 0) --cuts, answer.cut = answer.body.size() / 2, answer.stalls = stalls;
    return answer;
  }

  TestServer store_{[this](const Asked& asked) { return store_answer(asked); }};
  TestServer hub_{[this](const Asked& asked) { return hub_answer(asked); }};
};

}  // namespace leankv::test
