// The end of a guest that must not go on.
#pragma once

#include "guest/format.h"

namespace candor {

[[noreturn]] void panic_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count);

/// Prints why, where (callers' addresses: `addr2line -fe IMAGE ADDRESS...` names them) and what all threads
/// were doing, and ends the VM with exit code 101. Any context.
template <typename... Arguments>
[[noreturn]] void panic(Pattern<Arguments...> pattern, const Arguments&... arguments) {
  const FormatArgument list[] = {FormatArgument(arguments)..., FormatArgument(0)};
  panic_with(pattern.text(), list, sizeof...(arguments));
}

}  // namespace candor
