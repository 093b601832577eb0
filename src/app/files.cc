#include "app/files.h"

namespace leankv {

void write_json(const std::string& path, const nlohmann::ordered_json& json) {
  write_file(path, json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace leankv
