// Threads in memory of the application's own do what others do, take nothing from the heap, and leave their
// memory to the next.
#include <array>
#include <atomic>

#include "guest/memory.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constinit StaticThread<16384> here;
constinit StaticThread<> there;

struct Use {
  std::size_t untouched, in_blocks;
};
Use heap_use() {
  const kernel::MemoryUse use = kernel::memory_use();
  return {use.untouched, use.in_blocks};
}

/// So many bytes of it, a KiB at a time.
std::uint64_t use_stack(std::size_t bytes) {
  std::array<volatile std::uint8_t, 1024 - 48> frame;
  for (volatile std::uint8_t& byte : frame) byte = 1;
  const std::uint64_t deeper = bytes > 1024 ? use_stack(bytes - 1024) : 0;
  return deeper + frame[bytes % 512];
}

void run_in_each_class() {
  static std::atomic<int> sum{0};
  const Terms terms[] = {Terms::fair(), Terms::background(), Terms::fixed(20, {}, {}),
                         Terms::deadline(milliseconds(20), milliseconds(1))};
  const Use before = heap_use();
  int expected = 0;
  for (int round = 0; round < 200; round++) {
    // Few with a claim: a VM may make 20 a second.
    const Terms& those = terms[round < 8 ? round % 4 : round % 2];
    expected += round;
    here.start("static", those, [round] { sum += round; }).join();
  }
  test::expect(sum == expected, "{} instead of {}", sum.load(), expected);
  const Use after = heap_use();
  test::expect(after.untouched == before.untouched && after.in_blocks == before.in_blocks,
               "{} bytes of the heap were used", before.untouched - after.untouched);
}

/// All of the stack is there, and registers survive preemption.
void use_all_of_it() {
  static std::atomic<std::uint64_t> deep{0};
  const Thread other = there.start("other", Terms::fair(), [] {
    double x = 1;
    const Time end = now() + milliseconds(30);
    while (now() < end) x = x * 1.0000001 + 1e-9;
    test::expect(x > 1, "the computation went wrong");
  });
  const Thread thread = here.start("deep", Terms::fair(), [] {
    const Time end = now() + milliseconds(30);
    while (now() < end) deep += use_stack(16384 - 2048);
  });
  thread.join();
  other.join();
  test::expect(deep != 0, "it did nothing");
}

/// The memory waits for those that still have a handle.
void wait_for_handles() {
  static std::atomic<bool> kept{false};
  auto* place = new StaticThread<8192>;
  const Thread* handle = new Thread(place->start("kept", Terms::fair(), [] {}));
  const Thread keeper = Thread::create("keeper", Terms::fair(), [handle] {
    handle->join();
    this_thread::sleep_for(milliseconds(10));
    test::expect(handle->cpu_time().ns >= 0, "no time");
    kept = true;
    delete handle;
  });
  handle->join();
  delete place;
  test::expect(kept, "the memory went before the last handle");
  keeper.join();
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  if (!arguments.empty() && arguments[0] == "twice") {
    (void)here.start("first", Terms::fair(), [] { this_thread::sleep_for(seconds(10)); });
    (void)here.start("second", Terms::fair(), [] {});
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "gone") {
    StaticThread<8192> local;
    (void)local.start("first", Terms::fair(), [] { this_thread::sleep_for(seconds(10)); });
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "overflow") {
    here.start("overflow", Terms::fair(), [] { print("{}\n", use_stack(64 * 1024)); }).join();
    return 0;
  }
  run_in_each_class();
  use_all_of_it();
  wait_for_handles();
  return test::pass("static_threads");
}
