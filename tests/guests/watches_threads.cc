// Watchdogs: quiet while they are fed, and once they are not, one call in time, from an upcall, whatever
// runs.
#include <algorithm>
#include <atomic>
#include <optional>

#include "guest/vcpu.h"
#include "tests/guests/registers.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;
using test::await;

std::atomic<int> calls{0};
void count_call(void* /*argument*/) {
  test::expect(kernel::upcalls_masked(), "called with upcalls unmasked");
  test::expect(kernel::Vcpu::here().index() == 0, "called on another vCPU");
  calls++;
}

/// Not called unless it was not fed for its limit, which the feeder may find out afterwards; a busy host may
/// keep it waiting, but not each time.
bool stay_quiet(Duration limit) {
  calls = 0;
  Watchdog w("fed", limit, count_call, nullptr);
  test::expect(!w.started() && !w.feed(), "started by itself");
  Time last = now();
  const Time end = last + limit * 3;
  Duration longest;
  w.start();
  while (last < end && calls == 0) {
    const Time before = now();
    (void)w.feed();
    longest = std::max(longest, now() - last);
    last = before;
    this_thread::sleep_for(milliseconds(1));
  }
  const bool quiet = calls == 0;
  w.stop();
  longest = std::max(longest, now() - last);
  test::expect(quiet || longest >= limit, "called though it was fed every {}", longest);
  test::expect(!w.started() && !w.feed(), "started though stopped");
  const int then = calls;
  this_thread::sleep_for(limit * 2);
  test::expect(calls == then, "called though it was stopped");
  return quiet;
}
void stay_quiet_while_fed() {
  int tries = 0;
  while (!stay_quiet(milliseconds(40))) test::expect(++tries < 40, "called each time");
}

/// By whichever thread.
void be_fed_by_another() {
  Watchdog w("shared", seconds(100));
  w.start();
  const Time begin = now();
  this_thread::sleep_for(milliseconds(3));
  Thread::create("other", Terms::background(), [&w] { test::expect(w.feed(), "not started"); }).join();
  test::expect(w.unfed_for() <= now() - begin - milliseconds(3), "not fed by the other");
}

void call_once_when_not_fed() {
  calls = 0;
  Watchdog w("unfed", milliseconds(5), count_call, nullptr);
  const Time begin = now();
  w.start();
  await("the call", [] { return calls != 0; });
  test::expect(now() - begin >= milliseconds(5), "called after {}", now() - begin);
  test::expect(!w.started() && !w.feed(), "started though it has called");
  this_thread::sleep_for(milliseconds(15));
  test::expect(calls == 1, "called {} times", calls.load());
}

/// Each at its time, whatever the order in which they were started, but those that are stopped.
void keep_many() {
  constexpr int kMany = 30;
  static std::atomic<int> called[kMany];
  static std::optional<Watchdog> watchdogs[kMany];
  struct One {
    static void call(void* mine) { ++*static_cast<std::atomic<int>*>(mine); }
  };
  Time earliest[kMany];
  for (int i = 0; i < kMany; i++) {
    const Duration limit = milliseconds(3) + microseconds(300) * (i * 7 % kMany);
    watchdogs[i].emplace("one of many", limit, One::call, &called[i]);
    earliest[i] = now() + limit;
    watchdogs[i]->start();
    if (i % 5 == 0) watchdogs[i]->start();  // anew
    test::expect(called[i] == 0 || now() >= earliest[i], "called too early");
  }
  bool stopped[kMany] = {};
  for (int i = 0; i < kMany; i += 4) {
    watchdogs[i]->stop();
    stopped[i] = called[i] == 0;
  }
  await("all calls", [&] {
    for (int i = 0; i < kMany; i++)
      if (!stopped[i] && called[i] == 0) return false;
    return true;
  });
  this_thread::sleep_for(milliseconds(15));
  for (int i = 0; i < kMany; i++) {
    const int most = stopped[i] ? 0 : i % 5 == 0 ? 2 : 1;  // if it took long to start it anew
    test::expect(called[i] <= most, "number {} was called {} times", i, called[i].load());
    watchdogs[i].reset();
  }
}

/// The function may start it anew, wake threads, stop it and destroy it.
void call_again() {
  struct Again {
    std::atomic<int> calls{0};
    Watchdog* watchdog = nullptr;
    Semaphore called;
  } again;
  Watchdog w(
      "again", milliseconds(2),
      [](void* a) {
        auto& it = *static_cast<Again*>(a);
        (void)it.called.release();
        if (++it.calls < 5)
          it.watchdog->start();
        else
          it.watchdog->stop();
      },
      &again);
  again.watchdog = &w;
  w.start();
  for (int i = 0; i < 5; i++)
    test::expect(again.called.try_acquire_for(seconds(10)), "call {} did not come", i);
  this_thread::sleep_for(milliseconds(8));
  test::expect(again.calls == 5 && !w.started(), "called {} times", again.calls.load());

  static std::optional<Watchdog> gone;
  static std::atomic<bool> called{false};
  gone.emplace(
      "gone", milliseconds(2),
      [](void*) {
        gone.reset();
        called = true;
      },
      nullptr);
  gone->start();
  await("the last call", [] { return called.load(); });
}

/// Threads that compute notice nothing of it: all registers are theirs.
void leave_registers() {
  struct Clobber {
    std::atomic<int> calls{0};
    Watchdog* watchdog = nullptr;
    static void call(void* self) {
      auto& it = *static_cast<Clobber*>(self);
      test::expect(clobber_extended() == 0, "called with a full register stack");
      it.calls++;
      it.watchdog->start();
    }
  } clobber;
  Watchdog w("clobbers", microseconds(200), Clobber::call, &clobber);
  clobber.watchdog = &w;
  const Thread computes = Thread::create("computes", Terms::fair().on(1), [&] {
    w.start();
    const Time patience = now() + seconds(10);
    while (clobber.calls < 50) {
      test::expect(now() < patience, "{} calls of 50", clobber.calls.load());
      const std::uint32_t lost = test::lost_registers(10'000);
      test::expect(lost == 0, "after {} calls: lost number {}", clobber.calls.load(), lost);
    }
  });
  computes.join();
}

/// What loops with upcalls masked is noticed: by another vCPU at once, and on vCPU 0 at the end of it. There
/// the others have the limit once more if the loop took another limit.
void notice_masked_loops() {
  calls = 0;
  Watchdog w("masked", milliseconds(10), count_call, nullptr);
  const auto loop = [&](std::uint32_t vcpus, Duration time) {
    const Thread t = Thread::create("loops", Terms::fair().on(vcpus), [&] {
      const kernel::Masked masked;
      w.start();
      const Time end = now() + time;
      while (now() < end && calls == 0) {
      }
    });
    t.join();
  };
  if (kernel::kernel.fair_vcpus > 1) {
    loop(2, seconds(10));
    test::expect(calls == 1 && !w.started(), "a loop on vCPU 1 was not noticed");
    calls = 0;
  }
  loop(1, milliseconds(15));
  await("a call after the loop", [] { return calls == 1; });
  calls = 0;
  const Time begin = now();
  loop(1, milliseconds(40));
  await("a call after the long loop", [] { return calls == 1; });
  test::expect(now() - begin >= milliseconds(50), "no time was given: called after {}", now() - begin);
}

/// stop() returns when the function does not run, and it stays stopped. On several vCPUs.
void stop_while_called() {
  if (kernel::kernel.fair_vcpus < 2) return;
  struct Slow {
    std::atomic<bool> inside{false}, goes_on{false}, left{false};
    Watchdog* watchdog = nullptr;
    static void call(void* self) {
      auto& it = *static_cast<Slow*>(self);
      it.inside = true;
      const Time patience = now() + seconds(10);
      while (!it.goes_on && now() < patience) {
      }
      const Time end = now() + milliseconds(3);
      while (now() < end) {
      }
      it.watchdog->start();
      it.left = true;
    }
  } slow;
  Watchdog w("slow", milliseconds(2), Slow::call, &slow);
  slow.watchdog = &w;
  const Thread stops = Thread::create("stops", Terms::fair().on(2), [&] {
    w.start();
    const Time patience = now() + seconds(10);
    while (!slow.inside) test::expect(now() < patience, "never called");
    slow.goes_on = true;
    w.stop();
    test::expect(slow.left, "stopped while it is called");
    test::expect(!w.started(), "started anew though it was stopped");
  });
  stops.join();
  slow.inside = false;
  this_thread::sleep_for(milliseconds(10));
  test::expect(!slow.inside, "called though it was stopped");
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  if (!arguments.empty() && arguments[0] == "zero") {
    const Watchdog w("hasty", Duration{});
    print("not reached\n");
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "masked") {
    Watchdog w("quick", milliseconds(5), count_call, nullptr);
    const kernel::Masked masked;
    w.stop();
    print("not reached\n");
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "idle") {
    // One that went out of scope says nothing any more; one that is left does, while all threads wait.
    {
      Watchdog w("ended", milliseconds(5));
      w.start();
    }
    this_thread::sleep_for(milliseconds(20));
    static Watchdog w("left", milliseconds(20));
    Thread::create("forgetful", Terms::fair(), [] { w.start(); }).join();
    this_thread::sleep_for(seconds(10));
    print("not reached\n");
    return 0;
  }
  stay_quiet_while_fed();
  be_fed_by_another();
  call_once_when_not_fed();
  keep_many();
  call_again();
  if (test::has_all_registers()) leave_registers();
  notice_masked_loops();
  stop_while_called();
  return test::pass("watches_threads");
}
