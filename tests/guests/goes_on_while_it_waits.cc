// Two real-time threads share a vCPU. One holds a mutex when the other preempts it
// and waits for a fair thread, which wants the first one's mutex: no cycle, so all go on.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<int> step{0};

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static Mutex first("first"), second("second");
  const Time start = now() + milliseconds(50);
  static std::atomic<int> ended{0};
  const Terms later = Terms::deadline(milliseconds(500), milliseconds(20), milliseconds(400));
  const Terms sooner = Terms::deadline(milliseconds(500), milliseconds(20), milliseconds(100));
  const Thread a = Thread::create("preempted", later, [start] {
    this_thread::sleep_until(start);
    Lock lock(first);
    step = 1;
    const Time until = start + milliseconds(60);
    while (now() < until && step < 3) {
    }
    ended++;
  });
  const Thread b = Thread::create("preempting", sooner, [start] {
    this_thread::sleep_until(start + milliseconds(20));
    step = 3;
    Lock lock(second);
    ended++;
  });
  print("{} {}\n", a.claim().admitted() ? "admitted" : a.claim().why(),
        b.claim().admitted() ? "admitted" : b.claim().why());
  {
    Lock outer(second);
    // Until the other has the first mutex and waits for the second.
    while (step < 3) this_thread::sleep_for(milliseconds(1));
    this_thread::sleep_for(milliseconds(5));
    const Time patience = now() + seconds(2);
    while (!first.try_lock()) {
      test::expect(now() < patience, "the holder of the other mutex does not go on");
      this_thread::sleep_for(milliseconds(1));
    }
    first.unlock();
  }
  const Time patience = now() + seconds(10);
  while (ended < 2) {
    test::expect(now() < patience, "only {} have ended", ended.load());
    this_thread::sleep_for(milliseconds(1));
  }
  return test::pass("goes_on_while_it_waits");
}
