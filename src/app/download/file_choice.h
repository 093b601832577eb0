// Which of a repository's files is meant.
#pragma once

#include <string>
#include <vector>

#include "app/download/hub_listing.h"

namespace leankv {

// "x-Q8_0.gguf" is "Q8_0", in capitals; empty where the name says none.
std::string quant_of(const std::string& path);

// Whether a file of that quant can be read: its weights' formats are among base/block_formats.h's.
bool is_readable(const std::string& quant);

// The file whose name has the quant as a word, in any case; without one the first readable form of a list that begins
// as llama.cpp's choice does. Projectors of images and importance matrices are no models. repo: for messages. Throws
// kUnsupported for a form that is not read and for a model in several files, kBadOption where there is none; both say
// what there is.
HubFile choose_file(const std::vector<HubFile>& files, const std::string& quant, const std::string& repo);

// -hff: the file of that path.
HubFile find_file(const std::vector<HubFile>& files, const std::string& path, const std::string& repo);

}  // namespace leankv
