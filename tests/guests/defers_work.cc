// Deferred functions: called in a thread of the terms chosen, in the order raised, for all raises together
// and none of them lost; not any more once they are cancelled.
#include <atomic>
#include <optional>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;
using test::await;

struct Count {
  std::atomic<std::uint64_t> calls{0}, raises{0};
  static void add(void* self, std::uint64_t raises) {
    auto& count = *static_cast<Count*>(self);
    count.raises += raises;
    count.calls++;
  }
};

/// Raised where nothing may wait, called where everything may.
void call_in_a_thread() {
  static std::atomic<bool> called{false};
  Thread raiser = this_thread::get();
  Deferred d(
      [](void* argument, std::uint64_t raises) {
        test::expect(!kernel::upcalls_masked(), "called with upcalls masked");
        test::expect(!(this_thread::get() == *static_cast<const Thread*>(argument)), "called in the raiser");
        test::expect(raises == 1, "raised {} times", raises);
        this_thread::sleep_for(milliseconds(1));
        called = true;
      },
      &raiser);
  test::expect(!d.raised(), "raised by itself");
  {
    const kernel::Masked masked;
    d.raise();
    test::expect(!called, "called at once");
  }
  await("a call", [] { return called.load(); });
  test::expect(!d.raised(), "still raised after its call");
}

void call_once_for_all() {
  Count count;
  Deferred d(Count::add, &count);
  {
    const kernel::Masked masked;
    for (int i = 0; i < 5; i++) d.raise();
    // Where the thread cannot run meanwhile.
    test::expect(kernel::kernel.vcpus > 1 || d.raised(), "not raised");
  }
  await("five raises", [&] { return count.raises == 5; });
  test::expect(kernel::kernel.vcpus > 1 || count.calls == 1, "called {} times", count.calls.load());
  d.raise();
  await("the sixth", [&] { return count.raises == 6; });
}

/// Raised while it runs, it runs once more.
void call_once_more() {
  struct Again {
    std::atomic<int> calls{0};
    Deferred* self = nullptr;
  } again;
  Deferred d(
      [](void* a, std::uint64_t raises) {
        auto& it = *static_cast<Again*>(a);
        const int call = ++it.calls;
        if (call > 3) return;
        for (int i = 0; i < call; i++) it.self->raise();
        test::expect(raises == (call == 1 ? 1U : static_cast<unsigned>(call - 1)), "call {}: {} raises", call,
                     raises);
      },
      &again);
  again.self = &d;
  d.raise();
  await("four calls", [&] { return again.calls == 4; });
  this_thread::sleep_for(milliseconds(5));
  test::expect(again.calls == 4, "{} calls of four", again.calls.load());
}

void call_in_order() {
  static std::atomic<int> called{0};
  static int order[3];
  struct One {
    static void call(void* who, std::uint64_t) { order[called++] = *static_cast<int*>(who); }
  };
  int names[3] = {0, 1, 2};
  DeferredThread thread("in order");
  std::atomic<bool> first_runs{false}, go{false};
  struct Gate {
    std::atomic<bool>&entered, &go;
    static void hold(void* self, std::uint64_t) {
      auto& gate = *static_cast<Gate*>(self);
      gate.entered = true;
      while (!gate.go) this_thread::sleep_for(microseconds(200));
    }
  } gate{first_runs, go};
  Deferred hold(thread, Gate::hold, &gate);
  Deferred a(thread, One::call, &names[0]), b(thread, One::call, &names[1]), c(thread, One::call, &names[2]);
  hold.raise();
  await("the gate", [&] { return first_runs.load(); });
  b.raise();
  c.raise();
  a.raise();
  b.raise();  // keeps its place
  go = true;
  await("three calls", [] { return called == 3; });
  test::expect(order[0] == 1 && order[1] == 2 && order[2] == 0, "called in order {} {} {}", order[0],
               order[1], order[2]);
}

/// By its thread's terms: one that comes first at once, one that comes last when nobody else wants to run.
void call_by_terms() {
  if (kernel::kernel.vcpus != 1) return;
  DeferredThread first("first", Terms::fixed(50, {}, {})), last("last", Terms::background());
  Count urgent, idle;
  Deferred u(first, Count::add, &urgent), i(last, Count::add, &idle);
  this_thread::sleep_for(milliseconds(5));  // both wait
  i.raise();
  u.raise();
  test::expect(urgent.calls == 1, "the urgent one was not called at once");
  const Time end = now() + milliseconds(10);
  while (now() < end) test::expect(idle.calls == 0, "called before a fair thread");
  await("the last", [&] { return idle.calls == 1; });
}

/// However many raise it from wherever.
void lose_none() {
  static Count count;
  static constexpr int kThreads = 4, kRaises = 2000;
  static Deferred d(Count::add, &count);
  const auto raise = [] {
    for (int i = 0; i < kRaises; i++) {
      if (i % 3 == 0) {
        const kernel::Masked masked;
        d.raise();
      } else {
        d.raise();
      }
      if (i % 64 == 0) this_thread::yield();
    }
  };
  const Thread threads[kThreads] = {
      Thread::create("a", Terms::fair(), raise), Thread::create("b", Terms::fair(), raise),
      Thread::create("c", Terms::fixed(5, {}, {}), raise), Thread::create("d", Terms::background(), raise)};
  for (const Thread& t : threads) t.join();
  await("all raises", [] { return !d.raised() && count.raises >= kThreads * kRaises; });
  test::expect(count.raises == kThreads * kRaises, "{} raises of {}", count.raises.load(),
               kThreads * kRaises);
}

/// cancel() returns when the function does not run, and nothing raised before or meanwhile is called after
/// it.
void cancel() {
  struct Slow {
    std::atomic<bool> called{false}, inside{false};
    std::atomic<int> calls{0};
    Deferred* self = nullptr;
    static void call(void* s, std::uint64_t) {
      auto& it = *static_cast<Slow*>(s);
      it.calls++;
      it.inside = true;
      it.called = true;
      it.self->raise();
      this_thread::sleep_for(milliseconds(5));
      it.self->raise();
      it.inside = false;
    }
  };
  for (int round = 0; round < 5; round++) {
    Slow slow;
    Deferred d(Slow::call, &slow);
    slow.self = &d;
    d.raise();
    await("the call", [&] { return slow.called.load(); });
    // Of those that wait for the end of a call each goes on.
    const Thread other = Thread::create("other", Terms::fair(), [&] {
      d.cancel();
      test::expect(!slow.inside, "cancelled by another while it is called");
    });
    d.cancel();
    test::expect(!slow.inside && !d.raised(), "cancelled while it is called or raised");
    const int calls = slow.calls;
    other.join();
    this_thread::sleep_for(milliseconds(3));
    test::expect(slow.calls == calls, "called {} times, though cancelled", slow.calls - calls);
  }
  Count never;
  {
    DeferredThread thread("cancelled", Terms::background());
    Deferred d(thread, Count::add, &never);
    {
      const kernel::Masked masked;
      d.raise();
    }
    d.cancel();
    const std::uint64_t before = never.calls;  // its thread may have been faster, on another vCPU
    this_thread::sleep_for(milliseconds(5));
    test::expect(never.calls == before, "called after it was cancelled");
    d.raise();
    await("a call after a cancel", [&] { return never.calls > before; });
  }
}

/// The function may cancel its own, and destroy it.
void end_themselves() {
  static std::atomic<int> calls{0};
  Deferred* self = nullptr;
  Deferred cancels(
      [](void* s, std::uint64_t) {
        auto& it = **static_cast<Deferred**>(s);
        it.raise();
        it.cancel();
        calls++;
      },
      &self);
  self = &cancels;
  cancels.raise();
  await("a call", [] { return calls == 1; });
  this_thread::sleep_for(milliseconds(3));
  test::expect(calls == 1 && !cancels.raised(), "called though it cancelled itself");

  static std::optional<Deferred> gone;
  gone.emplace(
      [](void*, std::uint64_t) {
        gone.reset();
        calls++;
      },
      nullptr);
  gone->raise();
  await("the last call", [] { return calls == 2; });
}

/// From an upcall.
void raise_in_an_upcall() {
  Count count;
  Deferred d(Count::add, &count);
  Watchdog w(
      "raises", milliseconds(2), [](void* deferred) { static_cast<Deferred*>(deferred)->raise(); }, &d);
  w.start();
  await("a raise by an upcall", [&] { return count.calls == 1; });
  // The thread that computes is interrupted, and the deferred function comes first.
  w.start();
  const Time patience = now() + seconds(10);
  while (count.calls < 2) test::expect(now() < patience, "a computing thread kept the function from running");
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  if (!arguments.empty() && arguments[0] == "masked") {
    Deferred d(Count::add, nullptr);
    const kernel::Masked masked;
    d.cancel();
    print("not reached\n");
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "used") {
    auto* thread = new DeferredThread("workers");
    static Deferred d(*thread, Count::add, nullptr);
    delete thread;
    print("not reached\n");
    return 0;
  }
  call_in_a_thread();
  call_once_for_all();
  call_once_more();
  call_in_order();
  call_by_terms();
  lose_none();
  cancel();
  end_themselves();
  raise_in_an_upcall();
  return test::pass("defers_work");
}
