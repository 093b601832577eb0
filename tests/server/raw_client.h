// A client that may send and leave out whatever it likes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

namespace leankv::test {

class RawClient {
 public:
  explicit RawClient(int port, int receive_buffer = 0) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(std::size_t(n));
    }
    return true;
  }

  // Until `end` has come, the peer closes or nothing comes for five seconds; what follows stays for the next call.
  std::string read_until(std::string_view end) {
    for (std::size_t found; (found = held_.find(end)) == held_.npos;) {
      if (!receive()) return std::exchange(held_, {});
      continue;
    }
    const std::size_t size = held_.find(end) + end.size();
    std::string text = held_.substr(0, size);
    held_.erase(0, size);
    return text;
  }
  std::string read_all() {
    while (receive()) {
    }
    return std::exchange(held_, {});
  }
  // A whole answer with Content-Length.
  std::string read_answer() {
    std::string head = read_until("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    if (at == head.npos) return head;
    const std::size_t size = std::stoul(head.substr(at + 16));
    while (held_.size() < size && receive()) {
    }
    head += held_.substr(0, size);
    held_.erase(0, size);
    return head;
  }

 private:
  bool receive() {
    pollfd waiting{socket_, POLLIN, 0};
    if (poll(&waiting, 1, 5000) <= 0) return false;
    char bytes[4096];
    const ssize_t n = recv(socket_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    held_.append(bytes, std::size_t(n));
    return true;
  }

  int socket_;
  std::string held_;
};

inline std::string post(std::string_view path, std::string_view body, std::string_view more_header = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(more_header) + "\r\n" + std::string(body);
}
inline std::string get(std::string_view path, std::string_view more_header = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more_header) + "\r\n";
}

// Waits for what another thread is about to do.
template <class Condition>
bool eventually(Condition&& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace leankv::test
