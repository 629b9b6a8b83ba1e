// The composite run list, for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/protocol.h"

namespace candor::cli {

/// One line for each thread, first place first, with the reason of each place.
/// Times are relative to `now_ns`.
std::string run_list_text(const std::vector<host::RunListEntry>& entries, std::uint64_t now_ns);

}  // namespace candor::cli
