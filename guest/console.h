// Text to whoever looks after this VM.
#pragma once

#include "guest/format.h"

namespace candor {

/// At most so many bytes of one print() come out.
constexpr std::size_t kPrintBytes = 256;

void print_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count);

/// print("{} of {}, {x} in hexadecimal\n", 1, microseconds(20), 255). One call is
/// written in one piece. When the host does not keep up, it waits a little if the
/// thread may, and then drops the text; the next one tells how much was lost.
template <typename... Arguments>
void print(std::string_view pattern, const Arguments&... arguments) {
  const FormatArgument list[] = {FormatArgument(arguments)..., FormatArgument(0)};
  print_with(pattern, list, sizeof...(arguments));
}

namespace kernel {
/// Without a lock, for one who knows that nobody else goes on.
void write_console_unlocked(std::string_view text);
}  // namespace kernel

}  // namespace candor
