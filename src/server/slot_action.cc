#include "server/slot_action.h"

#include <charconv>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "base/files.h"
#include "engine/saved_sequence.h"
#include "engine/stopwatch.h"
#include "server/openai/answer_format.h"
#include "server/openai/fields.h"
#include "server/openai/request_error.h"

namespace leankv {
namespace {

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

// Work on the engine's thread gives what is left to do on the connection's, and that the answer's body.
using Answer = std::function<Json()>;

void send_answer(const Responder& responder, const Answer& answer) {
  try {
    responder.send({200, to_text(answer())});
  } catch (const std::exception& error) {
    responder.send(response_of(error));
  }
}

template <class Work>
void run_on_engine(Service& service, const Responder& responder, Work work) {
  service.inspect([work, responder](const Engine& engine, Scheduler& scheduler) {
    Answer answer;
    try {
      answer = work(engine, scheduler);
    } catch (...) {
      answer = [error = std::current_exception()]() -> Json { std::rethrow_exception(error); };
    }
    responder.post([responder, answer = std::move(answer)] { send_answer(responder, answer); });
  });
}

// Throws as the answer is to have it.
Answer save(const SlotAction& action, const Stopwatch& watch, const Engine& engine, const Scheduler& scheduler) {
  const Sequence* kept = scheduler.kept().in(action.slot);
  if (kept == nullptr) throw RequestError(400, "slot " + std::to_string(action.slot) + " holds no ended answer");
  const auto bytes = std::make_shared<const std::vector<std::byte>>(save_sequence(engine, *kept));
  return [=, tokens = kept->tokens.size()]() -> Json {
    write_file(action.path, {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    return {{"id_slot", action.slot},
            {"filename", action.filename},
            {"n_saved", tokens},
            {"n_written", bytes->size()},
            {"timings", {{"save_ms", watch.ms()}}}};
  };
}

Answer restore(const SlotAction& action, const Stopwatch& watch, const std::string& bytes, Scheduler& scheduler) {
  try {
    const int tokens = scheduler.restore_kept(action.slot, std::as_bytes(std::span(bytes)), action.filename);
    return [=, read = bytes.size()]() -> Json {
      return {{"id_slot", action.slot},
              {"filename", action.filename},
              {"n_restored", tokens},
              {"n_read", read},
              {"timings", {{"restore_ms", watch.ms()}}}};
    };
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadFile) throw;
    throw RequestError(400, error.what(), "filename");
  }
}

Answer erase(const SlotAction& action, Scheduler& scheduler) {
  const int tokens = scheduler.erase_kept(action.slot).value_or(0);
  return [=]() -> Json { return {{"id_slot", action.slot}, {"n_erased", tokens}}; };
}

std::string saved_bytes(const SlotAction& action) {
  if (!std::filesystem::exists(action.path)) {
    throw RequestError(404, "there is no saved slot of this name", "filename");
  }
  return read_file(action.path);
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
  const Stopwatch watch;
  switch (action.kind) {
    case SlotAction::kSave:
      return run_on_engine(service, responder, [=](const Engine& engine, Scheduler& scheduler) {
        return save(action, watch, engine, scheduler);
      });
    case SlotAction::kRestore:
      return run_on_engine(
          service, responder,
          [=, bytes = std::make_shared<const std::string>(saved_bytes(action))](const Engine&, Scheduler& scheduler) {
            return restore(action, watch, *bytes, scheduler);
          });
    case SlotAction::kErase:
      return run_on_engine(service, responder,
                           [=](const Engine&, Scheduler& scheduler) { return erase(action, scheduler); });
  }
}

}  // namespace leankv
