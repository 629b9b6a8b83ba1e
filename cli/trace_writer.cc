#include "cli/trace_writer.h"

#include <nlohmann/json.hpp>

namespace candor::cli {

using nlohmann::json;

TraceWriter::TraceWriter(std::ostream& file, Time start, std::string_view ranks)
    : file_(file), start_(start) {
  const json about = {{"ranks", ranks}};
  file_ << R"({"displayTimeUnit":"ms","otherData":)" << about.dump() << ",\n\"traceEvents\":[";
}

void TraceWriter::write(const json& event) {
  file_ << (empty_ ? "\n" : ",\n") << event.dump(-1, ' ', true, json::error_handler_t::replace);
  empty_ = false;
}

void TraceWriter::name(const char* what, std::uint32_t process, std::uint32_t thread,
                       const std::string& text) {
  write({{"ph", "M"}, {"name", what}, {"pid", process}, {"tid", thread}, {"args", {{"name", text}}}});
}

bool TraceWriter::flush() {
  constexpr std::string_view kEnd = "\n]}\n";
  const std::streampos more = file_.tellp();
  file_ << kEnd << std::flush;
  file_.seekp(more);
  return file_.good();
}

}  // namespace candor::cli
