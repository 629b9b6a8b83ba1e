// What the launcher tells people while it runs, on standard error.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace candor::cli {

/// Also detail() is shown from now on, and every line has its time.
void be_verbose();

/// One line, as it is.
void log_line(std::string_view text);
void log_detail(std::string_view text);

/// What people must know.
template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  log_line(fmt::format(format, std::forward<Args>(args)...));
}

/// What helps to find out why: with --verbose only.
template <typename... Args>
void detail(fmt::format_string<Args...> format, Args&&... args) {
  log_detail(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace candor::cli
