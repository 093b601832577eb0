#include "app/line_reader.h"

#include <histedit.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/interrupt.h"

namespace leankv {
namespace {

constexpr int kHistoryLines = 1000;

}  // namespace

struct LineReader::Terminal {
  explicit Terminal(std::string prompt_text)
      : prompt(std::move(prompt_text)), history(history_init()), editor(el_init("leankv", stdin, stdout, stderr)) {
    HistEvent event;
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    el_set(editor, EL_CLIENTDATA, this);
    el_set(
        editor, EL_PROMPT, +[](EditLine* line) -> char* {
          void* self = nullptr;
          el_get(line, EL_CLIENTDATA, &self);
          return static_cast<Terminal*>(self)->prompt.data();
        });
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_HIST, ::history, history);
  }
  ~Terminal() {
    el_end(editor);
    history_end(history);
  }

  // The line with its end; nullptr at the end of input and after Ctrl-C.
  const char* gets(int& bytes) {
    el_reset(editor);
    set_editing(true);
    const char* text = el_gets(editor, &bytes);
    set_editing(false);
    return text;
  }

  std::string prompt;
  History* history;
  EditLine* editor;
};

LineReader::LineReader(std::string prompt) {
  if (isatty(STDIN_FILENO) == 1) terminal_ = std::make_unique<Terminal>(std::move(prompt));
}

LineReader::~LineReader() = default;

std::optional<std::string> LineReader::read() {
  std::string line;
  if (terminal_ == nullptr) return std::getline(std::cin, line) ? std::optional(line) : std::nullopt;
  int bytes = 0;
  const char* text = terminal_->gets(bytes);
  if (text == nullptr && interrupted()) {
    clear_interrupt();
    std::fputs("\n[Ctrl-C again leaves]\n", stderr);
    text = terminal_->gets(bytes);
  }
  if (text == nullptr || bytes <= 0) return std::nullopt;
  line.assign(text, std::size_t(bytes));
  HistEvent event;
  if (line != "\n") history(terminal_->history, &event, H_ENTER, line.c_str());
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

}  // namespace leankv
