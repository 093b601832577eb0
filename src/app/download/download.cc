#include "app/download/download.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "app/byte_size.h"
#include "app/download/part_file.h"
#include "app/download/sha256.h"
#include "app/download/transfer_error.h"
#include "app/progress_bar.h"
#include "base/error.h"
#include "base/letter_case.h"

namespace leankv {
namespace {

constexpr std::size_t kMostTextBytes = std::size_t(64) << 20;  // a listing of 10,000 files is 4 MB
constexpr std::chrono::milliseconds kAskAgain(100);
constexpr int kPartialContent = 206, kOk = 200, kRangeNotSatisfiable = 416;

// A file on its way.
class Fetching {
 public:
  Fetching(const Download& file, const DownloadManner& manner)
      : file_(file),
        manner_(manner),
        part_(file.path),
        bytes_(file.bytes),
        sha256_(file.sha256),
        bar_("downloading " + std::filesystem::path(file.path).filename().string(), manner.show_progress) {}

  void run() {
    for (int in_vain = 0; !is_whole();) {
      const int64_t before = part_.bytes();
      const TransferResult result = ask_for_the_rest();
      if (brought(result)) break;
      in_vain = part_.bytes() > before ? 0 : in_vain + 1;
      const bool again = worth_repeating(result) || (result.end == TransferEnd::kUnreachable && moved_);
      if (!again || in_vain >= manner_.limits.attempts || manner_.should_stop()) throw transfer_error(file_, result);
      pause();
    }
    bar_.clear();
    check();
    part_.finish();
  }

 private:
  bool is_whole() const { return file_.bytes >= 0 && part_.bytes() == file_.bytes; }

  TransferResult ask_for_the_rest() {
    TransferRequest request{file_.url, file_.token, 0, part_.etag()};
    if (!request.if_range.empty()) request.from = part_.bytes();
    const TransferSink sink{[&](const TransferHead& head) { begin(head); }, [&](std::string_view b) { take(b); },
                            manner_.should_stop};
    const TransferResult result = transfer(request, sink, manner_.limits);
    // The part is no beginning of what is there now: the next attempt begins at 0.
    if (result.head.status == kRangeNotSatisfiable && !brought(result)) part_.start_anew("");
    return result;
  }

  // What has come is all there is, even where the server says so by refusing the rest.
  bool brought(const TransferResult& result) const {
    if (result.end != TransferEnd::kComplete) return false;
    const int status = result.head.status;
    const bool nothing_left = status == kRangeNotSatisfiable && result.head.total_bytes == part_.bytes();
    return status == kOk || status == kPartialContent || (nothing_left && part_.bytes() > 0);
  }

  void begin(const TransferHead& head) {
    receiving_ = head.status == kOk || head.status == kPartialContent;
    if (!receiving_) return;
    if (file_.bytes < 0 && head.total_bytes >= 0) bytes_ = head.total_bytes;
    if (file_.sha256.empty()) sha256_ = head.linked_etag;
    if (head.status == kOk) part_.start_anew(head.etag);
    if (head.status == kPartialContent && head.from != part_.bytes()) {
      throw Error(ErrorKind::kBadFile,
                  file_.what + ": the server sends other bytes than it was asked for: " + file_.url);
    }
    check_room();
  }

  void check_room() const {
    std::error_code unknown;
    const auto room = std::filesystem::space(std::filesystem::path(file_.path).parent_path(), unknown);
    if (unknown || bytes_ < 0 || uintmax_t(bytes_ - std::min(bytes_, part_.bytes())) <= room.available) return;
    throw Error(ErrorKind::kDoesNotFit, file_.what + ": " + format_bytes(double(bytes_ - part_.bytes())) +
                                            " are to come and " + part_.name() + " has room for " +
                                            format_bytes(double(room.available)) +
                                            "; make room, or name another folder with LEANKV_CACHE");
  }

  void take(std::string_view bytes) {
    if (!receiving_) return;  // the text of an error
    part_.append(bytes);
    moved_ = true;
    if (bytes_ > 0) bar_.update(double(part_.bytes()) / double(bytes_));
  }

  void pause() const {
    for (auto rest = manner_.limits.pause; rest.count() > 0 && !manner_.should_stop(); rest -= kAskAgain) {
      std::this_thread::sleep_for(std::min(rest, kAskAgain));
    }
  }

  void check() {
    std::string fault;
    if (bytes_ >= 0 && part_.bytes() != bytes_) {
      fault = std::to_string(part_.bytes()) + " bytes came instead of " + std::to_string(bytes_);
    } else if (!sha256_.empty() && sha256_of_file(part_.name()) != lower(sha256_)) {
      fault = "its SHA-256 is not " + sha256_;
    }
    if (fault.empty()) return;
    part_.discard();
    throw Error(ErrorKind::kBadFile, file_.what + ": " + file_.url + " came damaged or was changed meanwhile (" +
                                         fault + "); it is dropped, run the same again");
  }

  const Download& file_;
  const DownloadManner& manner_;
  PartFile part_;
  int64_t bytes_;
  std::string sha256_;
  ProgressBar bar_;
  bool receiving_ = false;  // this answer's bytes are the file's
  bool moved_ = false;      // this call has brought some
};

}  // namespace

void download(const Download& file, const DownloadManner& manner) { Fetching(file, manner).run(); }

std::string download_text(const Download& file, const DownloadManner& manner) {
  std::string text;
  const TransferSink sink{[](const TransferHead&) {},
                          [&](std::string_view bytes) {
                            if (text.size() + bytes.size() > kMostTextBytes) {
                              throw Error(ErrorKind::kBadFile, file.what + ": the answer is too long: " + file.url);
                            }
                            text += bytes;
                          },
                          manner.should_stop};
  const TransferResult result = transfer({file.url, file.token, 0, ""}, sink, manner.limits);
  if (result.end != TransferEnd::kComplete || result.head.status != kOk) throw transfer_error(file, result);
  return text;
}

}  // namespace leankv
