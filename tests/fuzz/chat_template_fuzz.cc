// Any template with any context renders or throws Error. The input is the template, a zero byte and the context as
// JSON; without a usable context a fixed one serves.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "model/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const auto kFixed = nlohmann::ordered_json::parse(
      R"({"messages": [{"role": "user", "content": "hi é"}, {"role": "assistant", "content": ["a", 1, 2.5, null, true]}],
          "tools": [{"name": "f", "parameters": {"type": "object"}}], "add_generation_prompt": true, "n": -3, "x": {}})");
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  const std::string_view rest = end == input.npos ? std::string_view() : input.substr(end + 1);
  auto context = nlohmann::ordered_json::parse(rest, nullptr, false);
  if (!context.is_object()) context = kFixed;
  try {
    leankv::ChatTemplate(input.substr(0, end)).render(context);
  } catch (const leankv::Error&) {
  }
  return 0;
}
