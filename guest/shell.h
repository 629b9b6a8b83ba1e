// A shell on the console, for people who look at a running guest.
#pragma once

#include <cstddef>
#include <string_view>

namespace candor {

/// Commands by lines: `help`, `threads`, `mem`, `aware`, `shutdown`, and what the application adds.
/// `candor.shell=on` on the command line starts it in any guest; an application may itself.
class Shell {
 public:
  /// `words`: what came after the command's name, up to the end of the line. In the shell's thread.
  using Function = void (*)(std::string_view words);

  /// Before start(). False if there are as many commands as there may be. Text is not copied.
  static bool add(std::string_view name, std::string_view help, Function function);
  /// Once; more do nothing. It reads the console from then on, in a fair thread.
  static void start();
};

}  // namespace candor
