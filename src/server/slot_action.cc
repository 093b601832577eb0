#include "server/slot_action.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>

#include "engine/saved_sequence.h"
#include "engine/stopwatch.h"
#include "server/openai/answer_format.h"
#include "server/openai/fields.h"
#include "server/openai/request_error.h"

namespace leankv {
namespace {

using Bytes = std::vector<std::byte>;

SlotId slot_of(const std::string& path, int slots) {
  const std::string_view number = std::string_view(path).substr(path.rfind('/') + 1);
  SlotId slot = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), slot);
  if (error != std::errc() || end != number.data() + number.size() || slot < 0 || slot >= slots) {
    throw RequestError(404,
                       "there is no slot '" + std::string(number) + "': they are 0 to " + std::to_string(slots - 1));
  }
  return slot;
}

std::string filename_of(const HttpRequest& request) {
  const Json body = parse_object(request.body);
  const std::string name = Fields(body).text("filename");
  const bool plain = !name.empty() && name[0] != '.' && name.find_first_of(std::string("/\\\0", 3)) == name.npos;
  if (!plain) throw RequestError(400, "must be the name of a file, without a folder", "filename");
  return name;
}

// A whole file or none: another name until it is complete.
void write_file(const std::string& path, const Bytes& bytes) {
  const std::string part = path + ".part";
  std::ofstream out(part, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
  out.close();
  std::error_code failed;
  if (out) std::filesystem::rename(part, path, failed);
  if (!out || failed) throw RequestError(500, "cannot write " + path);
}

Bytes read_file(const std::string& path, const std::string& name) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw RequestError(404, "there is no saved slot of this name", "filename");
  Bytes bytes(std::size_t(in.tellg()));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(bytes.size()));
  if (!in) throw RequestError(500, "cannot read " + name);
  return bytes;
}

// Runs fn, which gives an answer's body, and sends that or what it throws.
template <class Fn>
void answer(const Responder& responder, Fn&& fn) {
  try {
    responder.send({200, to_text(fn())});
  } catch (const std::exception& error) {
    responder.send(response_of(error));
  }
}

void save(const SlotAction& action, Service& service, const Responder& responder) {
  const Stopwatch watch;
  service.inspect([=](const Engine& engine, Scheduler& scheduler) {
    const Sequence* kept = scheduler.kept().in(action.slot);
    const int tokens = kept == nullptr ? 0 : int(kept->tokens.size());
    const auto bytes = std::make_shared<Bytes>();
    std::string refused;
    try {
      if (kept != nullptr) *bytes = save_sequence(engine, *kept);
    } catch (const Error& error) {
      refused = error.what();
    }
    responder.post([=] {
      answer(responder, [&]() -> Json {
        if (!refused.empty()) throw Error(ErrorKind::kUnsupported, refused);
        if (tokens == 0) throw RequestError(400, "slot " + std::to_string(action.slot) + " holds no ended answer");
        write_file(action.path, *bytes);
        return {{"id_slot", action.slot},
                {"filename", action.filename},
                {"n_saved", tokens},
                {"n_written", bytes->size()},
                {"timings", {{"save_ms", watch.ms()}}}};
      });
    });
  });
}

void restore(const SlotAction& action, Service& service, const Responder& responder) {
  const Stopwatch watch;
  const auto bytes = std::make_shared<Bytes>(read_file(action.path, action.filename));
  service.inspect([=](const Engine&, Scheduler& scheduler) {
    int tokens = 0;
    std::shared_ptr<const Error> refused;
    try {
      tokens = scheduler.restore_kept(action.slot, *bytes, action.filename);
    } catch (const Error& error) {
      refused = std::make_shared<const Error>(error);
    }
    responder.post([=] {
      answer(responder, [&]() -> Json {
        if (refused && refused->kind() == ErrorKind::kBadFile) throw RequestError(400, refused->what(), "filename");
        if (refused) throw Error(*refused);
        return {{"id_slot", action.slot},
                {"filename", action.filename},
                {"n_restored", tokens},
                {"n_read", bytes->size()},
                {"timings", {{"restore_ms", watch.ms()}}}};
      });
    });
  });
}

void erase(const SlotAction& action, Service& service, const Responder& responder) {
  service.inspect([=](const Engine&, Scheduler& scheduler) {
    const int tokens = scheduler.erase_kept(action.slot).value_or(0);
    responder.post([=] {
      answer(responder, [&]() -> Json { return {{"id_slot", action.slot}, {"n_erased", tokens}}; });
    });
  });
}

}  // namespace

SlotAction read_slot_action(const HttpRequest& request, int slots, const std::string& save_path) {
  const SlotId slot = slot_of(request.path, slots);
  const std::string action = request.query_value("action");
  if (action == "erase") return {SlotAction::kErase, slot, {}, {}};
  if (action != "save" && action != "restore") {
    throw RequestError(400, "action '" + action + "': must be save, restore or erase", "action");
  }
  if (save_path.empty()) throw RequestError(501, "slots are saved nowhere: start the server with --slot-save-path DIR");
  const std::string name = filename_of(request);
  return {action == "save" ? SlotAction::kSave : SlotAction::kRestore, slot, name,
          (std::filesystem::path(save_path) / name).string()};
}

void run_slot_action(const SlotAction& action, Service& service, const Responder& responder) {
  switch (action.kind) {
    case SlotAction::kSave:
      return save(action, service, responder);
    case SlotAction::kRestore:
      return restore(action, service, responder);
    case SlotAction::kErase:
      return erase(action, service, responder);
  }
}

}  // namespace leankv
