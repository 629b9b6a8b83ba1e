#include "cli/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace candor::cli {
namespace {

// One thread at a time: the launcher has no other.
spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made("candor", std::make_shared<spdlog::sinks::stderr_sink_st>());
    made.set_pattern("%n: %v");
    made.flush_on(spdlog::level::trace);
    return made;
  }();
  return instance;
}

spdlog::string_view_t view(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

void be_verbose() {
  logger().set_level(spdlog::level::debug);
  logger().set_pattern("%H:%M:%S.%f %n: %v");
}

void log_line(std::string_view text) {
  logger().log(spdlog::level::info, view(text));
}

void log_detail(std::string_view text) {
  logger().log(spdlog::level::debug, view(text));
}

}  // namespace candor::cli
