// What begins with a slash in a conversation.
#pragma once

#include <string>

#include "app/chat_session.h"

namespace leankv {

enum class ChatStep { kContinue, kQuit };

// Runs "/name argument" and prints to stdout. Throws Error, which leaves the conversation as it was.
ChatStep run_chat_command(const std::string& line, ChatSession& session);

}  // namespace leankv
