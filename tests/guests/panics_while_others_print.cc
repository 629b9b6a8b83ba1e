// Panics while two other threads print as much as they can.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<int> lines_written[2];

void write_lines(int writer) {
  for (;;) {
    print("w{} {}\n", writer, lines_written[writer].load());
    lines_written[writer].fetch_add(1);
    // So slowly that the ring never fills, where a text would be dropped.
    for (const Time next = now() + microseconds(20); now() < next;) kernel::relax();
  }
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  // Before the others on its vCPU, so that it comes while they are at it.
  Thread::create("first", Terms::fixed(1, milliseconds(100), milliseconds(10)), [] {
    while (lines_written[0].load() + lines_written[1].load() == 0) this_thread::sleep_for(microseconds(100));
    this_thread::sleep_for(milliseconds(50));  // by then they are on processors of their own
    panic("in the middle of it, with {} to say", 1);
  });
  for (int i = 0; i < 2; i++) Thread::create("writer", Terms::fair(), [i] { write_lines(i); });
  wait_for_shutdown();
  return 1;
}
