// llama-server's POST /slots/N?action=save|restore|erase: what an ended answer left in a slot, to a file and back.
#pragma once

#include <string>

#include "engine/service.h"
#include "server/http/message.h"
#include "server/http/responder.h"

namespace leankv {

struct SlotAction {
  enum Kind { kSave, kRestore, kErase } kind;
  SlotId slot;
  std::string filename;  // as the client called it
  std::string path;
};

// Throws RequestError: 404 for no slot, 400 for another action or a file's name with a folder in it, 501 where there is
// no folder to save to.
SlotAction read_slot_action(const HttpRequest& request, int slots, const std::string& save_path);

// Files are read and written on the connection's thread, never the engine's.
void run_slot_action(const SlotAction& action, Service& service, const Responder& responder);

}  // namespace leankv
