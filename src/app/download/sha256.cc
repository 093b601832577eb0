#include "app/download/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "base/error.h"

namespace leankv {
namespace {

constexpr std::size_t kPieceBytes = std::size_t(1) << 20;

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {
    LEANKV_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(const char* bytes, std::size_t size) { LEANKV_CHECK(EVP_DigestUpdate(context_.get(), bytes, size) == 1); }
  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned size = 0;
    LEANKV_CHECK(EVP_DigestFinal_ex(context_.get(), sum.data(), &size) == 1);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += {"0123456789abcdef"[sum[i] >> 4], "0123456789abcdef"[sum[i] & 15]};
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, FreeDigest> context_;
};

}  // namespace

std::string sha256_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> piece(kPieceBytes);
  Digest digest;
  while (file) {
    file.read(piece.data(), std::streamsize(piece.size()));
    digest.add(piece.data(), std::size_t(file.gcount()));
  }
  if (!file.eof()) throw Error(ErrorKind::kBadFile, path + ": cannot be read: " + std::strerror(errno));
  return digest.finish();
}

std::string sha256_of_text(const std::string& text) {
  Digest digest;
  digest.add(text.data(), text.size());
  return digest.finish();
}

}  // namespace leankv
