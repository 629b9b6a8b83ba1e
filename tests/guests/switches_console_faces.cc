// Changes the console's face 10,000 times while four threads write numbered lines: whoever reads
// sees each of them once and in order (tests/conformance/console_test.cc).
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr int kChanges = 10'000, kWriters = 4;

std::atomic<int> changes{0};

std::uint64_t port_accesses() {
  std::uint64_t sum = 0;
  for (std::uint32_t v = 0; v < kernel::kernel.vcpus; v++)
    sum += kernel::peek(kernel::vcpu_page(v).port_accesses);
  return sum;
}

/// A text that does not fit would be dropped after a while; this is not about that.
void wait_for_room() {
  const auto used = [] {
    return kernel::peek(kernel::guest_page().console_head) - kernel::peek(kernel::host_page().console_tail);
  };
  while (used() > CANDOR_CONSOLE_BYTES / 2) this_thread::sleep_for(milliseconds(1));
}

void change_faces() {
  for (int i = 0; i < kChanges; i++, changes.store(i)) {
    const auto face = i % 2 == 0 ? kernel::ConsoleFace::kUart : kernel::ConsoleFace::kRing;
    test::expect(kernel::use_console(face), "there is no such face");
    wait_for_room();
    this_thread::yield();
  }
}

void write_lines(int writer) {
  int line = 0;
  while (changes.load() < kChanges) {
    // Not far ahead of the changes, which are what it is about.
    if (line <= changes.load() + 10) print("w{} {}\n", writer, line++);
    wait_for_room();
    this_thread::yield();
  }
  print("w{} ends at {}\n", writer, line);
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const std::uint64_t before = port_accesses();
  const auto start_writer = [](int i) {
    return Thread::create("writer", Terms::fair(), [i] { write_lines(i); });
  };
  const Thread writers[kWriters] = {start_writer(0), start_writer(1), start_writer(2), start_writer(3)};
  const Thread changer = Thread::create("changer", Terms::fair(), change_faces);
  changer.join();
  for (const Thread& writer : writers) writer.join();
  // Where they trap, they are counted.
  test::expect(kernel::kernel.dedicated || port_accesses() - before > kChanges,
               "hardly a byte went by the UART");
  return test::pass("switches_console_faces");
}
