// Traces of what the kernel's scheduler does, one of each vCPU: who runs, is woken, waits, and so on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "abi/candor.h"
#include "base/time.h"
#include "guest/format.h"

namespace candor::kernel {

/// Of each vCPU, where nobody says how many.
constexpr std::uint32_t kTraceRecords = 4096;

/// Keeps so many records of each vCPU, rounded up to a power of two; 0: none. Without a number:
/// kTraceRecords, or what an eighth of the unused memory holds, if the host would like to have them. At boot,
/// before vCPUs run.
void start_traces(std::optional<std::uint32_t> records);

/// A line about a record of that vCPU, without the line's end. Times are told as before `t`.
void format_trace(TextBuffer& to, const candor_trace& record, std::uint32_t vcpu, Time t);

/// Prints the last `count` events of all vCPUs, oldest first. Threads.
void print_trace(std::size_t count);

}  // namespace candor::kernel
