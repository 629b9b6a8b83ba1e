// Text to and from whoever looks after this VM.
#pragma once

#include <span>

#include "base/time.h"
#include "guest/format.h"

namespace candor {

/// At most so many bytes of one print() come out.
constexpr std::size_t kPrintBytes = 256;

void print_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count);

/// print("{} of {}, {:x} in hexadecimal\n", 1, microseconds(20), 255) (format.h says what may stand in the
/// braces). One call is
/// written in one piece. When the host does not keep up, it waits a little if the
/// thread may, and then drops the text; the next one tells how much was lost.
template <typename... Arguments>
void print(Pattern<Arguments...> pattern, const Arguments&... arguments) {
  const FormatArgument list[] = {FormatArgument(arguments)..., FormatArgument(0)};
  print_with(pattern.text(), list, sizeof...(arguments));
}

namespace console {

/// What people have typed, as it comes: waits until there is something, and returns how much of `into` it has
/// filled. 0: `into` is empty, the time has come, or the host asks this VM to end or somebody the thread.
/// Lines end with '\n' as far as the other side ends them. For threads, one at a time: a second one that
/// reads meanwhile is a bug, and panics.
[[nodiscard]] std::size_t read(std::span<char> into, Time until = Time::never());

}  // namespace console

namespace kernel {

/// The console's faces: a 16550's registers, and rings in the shared area. Behind both is one stream.
enum class ConsoleFace : std::uint8_t {
  kUndecided,  // until it is known where this runs: the UART where there is one
  kUart,
  kRing,
};
/// Goes on by another face, between two texts. False if there is none such.
[[nodiscard]] bool use_console(ConsoleFace face);
ConsoleFace console_face();

/// print() for boot(), where waking whoever shows it may cost more than all else: it preempts the vCPU. On
/// Candor it is shown with what is printed next, when a vCPU has nothing to do, or by the host's own look,
/// which it takes once a second.
void print_at_boot_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count);
template <typename... Arguments>
void print_at_boot(Pattern<Arguments...> pattern, const Arguments&... arguments) {
  const FormatArgument list[] = {FormatArgument(arguments)..., FormatArgument(0)};
  print_at_boot_with(pattern.text(), list, sizeof...(arguments));
}
/// By a vCPU that is about to idle. Masked.
void show_what_is_printed();

/// For one who knows that nobody else goes on, so for panics: takes the console for good, by the UART where
/// there is one, and writes at once. Callable in any state, as often as there is something to say.
void write_last_words(std::string_view text);

/// Input has come: wakes the thread that reads. Masked.
void wake_console_reader();

}  // namespace kernel

}  // namespace candor
