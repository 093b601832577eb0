// Ctrl-C as a question that loops ask.
#pragma once

namespace leankv {

// From now on the first SIGINT only sets a flag and a second one, before clear_interrupt(), ends the program.
void catch_interrupts();
bool interrupted();
void clear_interrupt();
// While a line is being edited the terminal is not in its normal state, so no SIGINT may end the program there.
void set_editing(bool editing);

}  // namespace leankv
