// What the kernel's operations cost, each as the shortest of many samples: the benchmark compares them with
// native threads doing the same (bench/native_threads.cc, by the same names), and counts instructions on an
// emulated machine.
#include <utility>

#include "bench/guests/software_interrupt.h"
#include "guest/sdk.h"
#include "guest/vcpu.h"

namespace {

using namespace candor;

constexpr int kSamples = 40;
constexpr std::size_t kStackBytes = 16 * 1024;

/// Of one call, in picoseconds. Anything that comes between only makes a sample longer.
template <typename F>
void measure(std::string_view name, std::int64_t calls, F&& call) {
  Duration shortest = seconds(3600);
  for (int sample = 0; sample < kSamples; sample++) {
    const Time begin = now();
    for (std::int64_t i = 0; i < calls; i++) call();
    const Duration took = now() - begin;
    if (took < shortest) shortest = took;
  }
  print("kernel {} ps={}\n", name, shortest.ns * 1000 / calls);
}

/// So that a reader of the figures in instructions sees that they are that.
void loop() {
  measure("loop_of_1000", 100, [] {
    std::uint64_t left = 500;
    __asm__ volatile("1: dec %0; jnz 1b" : "+r"(left));
  });
}

std::atomic<bool> over{false};

/// While there is another thread, which does `step()` over and over; `release()` lets it see that it is over.
template <typename Step, typename Measured, typename Release>
void beside(const Terms& terms, Step step, Measured measured, Release release) {
  const Thread other = Thread::create(
      "other", terms,
      [step] {
        while (!over) step();
      },
      kStackBytes);
  measured();
  over = true;
  release();
  other.join();
  over = false;
}

constexpr Terms kUrgent = Terms::fixed(50, {}, {});  // runs as soon as it can

/// Another thread of the same rank that does nothing but yield: each yield() of ours is two switches.
void switches() {
  const auto measured = [] {
    this_thread::yield();
    measure("switch_pair", 2000, [] { this_thread::yield(); });
    // As an interrupt does it, with the extended state of both threads kept.
    measure("preempting_switch_pair", 2000, [] {
      const kernel::Masked masked;
      kernel::Vcpu& vcpu = kernel::Vcpu::here();
      vcpu.current().slice.begin(Time{});  // its turn is over
      vcpu.schedule(/*preempted=*/true);
    });
  };
  beside(
      Terms::fair(), [] { this_thread::yield(); }, measured, [] {});
}

/// A thread of a higher class that waits, is woken, and waits again: there and back.
void wake_ups() {
  static std::atomic<kernel::ThreadControl*> server;
  const auto wake = [] { Thread(server).unpark(); };
  beside(
      kUrgent,
      [] {
        server = &kernel::Vcpu::here().current();
        this_thread::park();
      },
      [&] { measure("wake_and_back", 2000, wake); }, wake);
}

void semaphores() {
  static Semaphore alone(1), there, back;
  measure("semaphore", 5000, [] {
    alone.acquire();
    (void)alone.release();
  });
  const auto ask = [] {
    (void)there.release();
    back.acquire();
  };
  beside(
      kUrgent,
      [] {
        there.acquire();
        (void)back.release();
      },
      [&] { measure("semaphore_and_back", 2000, ask); }, ask);
}

/// Taken and let go with nobody else about; and while a more urgent thread comes to want it, lends its rank
/// to the holder, gets it, and waits for the next time.
void mutexes() {
  static Mutex mutex("measured");
  static Semaphore go;
  measure("mutex", 5000, [] { const Lock lock(mutex); });
  const auto want = [] {
    const Lock lock(mutex);
    (void)go.release();
  };
  beside(
      kUrgent,
      [] {
        go.acquire();
        const Lock lock(mutex);
      },
      [&] { measure("mutex_wanted", 2000, want); }, want);
}

struct Message {
  std::uint64_t words[2];
};

void messages() {
  static MessageQueue<Message, 4> alone, there, back;
  measure("message", 5000, [] {
    Message message{};
    alone.send(message);
    alone.receive(message);
  });
  const auto ask = [] {
    Message message{};
    there.send(message);
    back.receive(message);
  };
  beside(
      kUrgent,
      [] {
        Message message{};
        there.receive(message);
        back.send(message);
      },
      [&] { measure("message_and_back", 2000, ask); }, ask);
}

/// An interrupt whose handler wakes a thread, which runs, waits again, and what was interrupted goes on.
void interrupts() {
  static Semaphore events;
  bench::on_interrupt(events);
  beside(
      kUrgent, [] { events.acquire(); },
      [] { measure("interrupt_and_back", 500, [] { bench::interrupt(); }); }, [] { bench::interrupt(); });
}

/// From the time that a thread sleeps until to its first instruction, while another one computes: in the
/// middle.
void timers() {
  constexpr int kTimes = 401;
  static Duration late[kTimes];
  static std::atomic<bool> done{false};
  Thread::create(
      "sleeper", kUrgent,
      [] {
        for (Duration& l : late) {
          const Time due = now() + microseconds(50);
          this_thread::sleep_until(due);
          l = now() - due;
        }
        done = true;
      },
      kStackBytes);
  while (!done) kernel::relax();
  for (int i = 1; i < kTimes; i++)
    for (int k = i; k > 0 && late[k] < late[k - 1]; k--) std::swap(late[k], late[k - 1]);
  print("kernel timer_to_thread ps={}\n", late[kTimes / 2].ns * 1000);
}

void threads() {
  measure("create_and_join", 50, [] {
    Thread::create(
        "short", Terms::fair(), [] {}, kStackBytes)
        .join();
  });
}

void memory() {
  measure("allocate_128", 5000, [] { operator delete(operator new(128)); });
}

}  // namespace

int candor::guest_main(Arguments) {
  loop();
  switches();
  wake_ups();
  semaphores();
  mutexes();
  messages();
  interrupts();
  timers();
  threads();
  memory();
  return 0;
}
