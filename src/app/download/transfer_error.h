// What went wrong, in words that say what to do.
#pragma once

#include <string>

#include "app/download/download.h"
#include "app/download/transfer.h"
#include "base/error.h"

namespace leankv {

bool worth_repeating(const TransferResult& result);  // a busy server, a dropped connection, a part of no use

// REQUIRES that the transfer is not one that brought the file.
Error transfer_error(const Download& file, const TransferResult& result);

}  // namespace leankv
