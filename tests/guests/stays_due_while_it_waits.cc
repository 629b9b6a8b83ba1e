// Two real-time threads share a vCPU, and one waits for a mutex that the other holds. For the host its job is
// still under way: so the vCPU, which runs the holder in its place, keeps the rank of the one that waits.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::uint32_t volatile slot = CANDOR_NO_THREAD, looks, wrong;
bool volatile holds, waits, done;

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static Mutex mutex("shared");
  static const Time kStart = now() + milliseconds(50);
  const Terms later = Terms::deadline(milliseconds(500), milliseconds(20), milliseconds(400));
  const Terms sooner =
      Terms::deadline(milliseconds(500), milliseconds(5), milliseconds(100)).blocked_for(milliseconds(20));
  const Thread a = Thread::create("holder", later, [] {
    this_thread::sleep_until(kStart);
    Lock lock(mutex);
    holds = true;
    const Time patience = now() + seconds(2);
    while (looks < 1000 && now() < patience) {
      if (!waits) continue;
      const std::uint32_t state = kernel::peek(kernel::thread_slot(slot).state);
      if (state != CANDOR_THREAD_READY) wrong = wrong + 1;
      looks = looks + 1;
    }
  });
  const Thread b = Thread::create("urgent", sooner, [] {
    while (!holds) this_thread::sleep_for(milliseconds(1));
    {
      kernel::Masked masked;
      slot = kernel::Vcpu::here().current().slot;
    }
    waits = true;
    mutex.lock();
    waits = false;
    mutex.unlock();
    done = true;
  });
  print("{} {}\n", a.claim().admitted() ? "admitted" : a.claim().why(),
        b.claim().admitted() ? "admitted" : b.claim().why());
  const Time patience = now() + seconds(10);
  while (!done) {
    test::expect(now() < patience, "the mutex was not handed on");
    this_thread::sleep_for(milliseconds(1));
  }
  test::expect(looks == 1000, "seen to wait {} times only", std::uint32_t{looks});
  test::expect(!kernel::kernel.aware || wrong == 0, "{} of {} times it is said to be blocked",
               std::uint32_t{wrong}, std::uint32_t{looks});
  return test::pass("stays_due_while_it_waits");
}
