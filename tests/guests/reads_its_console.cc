// Reads lines "0", "1", ... up to "end", in any pieces they come, and changes the console's face after each
// piece if its argument is "switching".
#include <utility>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::uint64_t lines = 0;

/// False at the end.
bool take_line(std::string_view line) {
  if (line == "end") return false;
  test::expect(parse_number(line) == lines, "\"{}\" came where {} should", line, lines);
  lines++;
  return true;
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  const bool switching = !arguments.empty() && arguments[0] == "switching";
  char line[64], piece[100];
  std::size_t length = 0;
  std::uint64_t pieces = 0;
  for (bool more = true; more; pieces++) {
    const std::size_t got = console::read(piece);
    test::expect(got != 0 || stopping(), "nothing was read");
    if (got == 0) return test::pass("reads_its_console");
    for (std::size_t i = 0; i < got; i++) {
      test::expect(more, "something came behind the end");
      if (piece[i] != '\n')
        line[length++ % sizeof line] = piece[i];
      else
        more = take_line({line, std::exchange(length, 0)});
    }
    if (switching)
      test::expect(
          kernel::use_console(pieces % 2 == 0 ? kernel::ConsoleFace::kUart : kernel::ConsoleFace::kRing),
          "there is no such face");
  }
  print("{} lines\n", lines);
  const Time before = now();
  test::expect(console::read(piece, before + milliseconds(5)) == 0, "something came behind the end");
  test::expect(now() >= before + milliseconds(5), "it did not wait");
  return test::pass("reads_its_console");
}
