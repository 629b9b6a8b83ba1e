// What the eight tests of the Thread-Metric suite are about, after its public description: each counts for a
// time how often something is done, and the counters of all that take part must agree within 1 at whatever
// moment they are looked at. Prints the same lines as bench/native_thread_metric.cc.
//   thread_metric MILLISECONDS
#include <atomic>
#include <initializer_list>

#include "bench/common/basic_processing.h"
#include "bench/guests/software_interrupt.h"
#include "guest/sdk.h"

namespace {

using namespace candor;

constexpr int kThreads = 5;

Duration interval;
std::atomic<bool> over{false};
std::uint64_t counters[kThreads];  // each has one writer

void count(int i) {
  __atomic_store_n(&counters[i], counters[i] + 1, __ATOMIC_RELAXED);
}
std::uint64_t counted(int i) {
  return __atomic_load_n(&counters[i], __ATOMIC_RELAXED);
}

template <typename F>
Thread start(std::uint8_t priority, F&& function) {
  return Thread::create("test", Terms::fixed(priority, {}, {}), std::forward<F>(function));
}

bool agree(std::initializer_list<std::uint64_t> all) {
  std::uint64_t least = UINT64_MAX, most = 0;
  for (const std::uint64_t one : all) {
    least = one < least ? one : least;
    most = one > most ? one : most;
  }
  return most > 0 && most - least <= 1;
}

bool all_agree() {
  return agree({counted(0), counted(1), counted(2), counted(3), counted(4)});
}

/// Lets the threads work for the interval. This thread is more urgent than they: it stops them wherever they
/// are, and looks at the counters then. The first `summed` of them make the total.
template <typename Valid>
void judge(std::string_view name, int summed, std::initializer_list<Thread> threads, Valid valid) {
  const Time begin = now();
  this_thread::sleep_until(begin + interval);
  const Duration took = now() - begin;
  std::uint64_t total = 0;
  for (int i = 0; i < summed; i++) total += counted(i);
  const bool fine = valid();
  over = true;
  for (const Thread& thread : threads) thread.unpark();
  for (const Thread& thread : threads) thread.join();
  print("thread-metric {} total={} ns={} {}\n", name, total, took.ns, fine ? "valid" : "INVALID");
  over = false;
  for (std::uint64_t& counter : counters) counter = 0;
}

void basic_processing() {
  static bench::BasicProcessing work;
  static std::atomic<bool> right{false};
  const Thread thread = start(10, [] {
    for (; !over; count(0)) work.pass();
    right = work.right();
  });
  judge("basic_processing", 1, {thread}, [] { return counted(0) > 0; });
  if (!right) print("thread-metric basic_processing INVALID\n");
}

void cooperative_scheduling() {
  const auto one = [](int i) {
    return start(10, [i] {
      for (; !over; count(i)) this_thread::yield();
    });
  };
  judge("cooperative_scheduling", kThreads, {one(0), one(1), one(2), one(3), one(4)}, all_agree);
}

/// Thread 0, the least urgent, resumes the next, that one the next, and so on; each then counts, and suspends
/// itself.
void preemptive_scheduling() {
  const auto link = [](int i, const Thread& next) {
    return start(static_cast<std::uint8_t>(10 + i), [i, next] {
      for (;;) {
        if (i != 0) this_thread::park();
        if (over) return;
        next.unpark();
        count(i);
      }
    });
  };
  const Thread last = start(14, [] {
    for (;; count(4)) {
      this_thread::park();
      if (over) return;
    }
  });
  const Thread third = link(3, last), second = link(2, third), first = link(1, second);
  judge("preemptive_scheduling", kThreads, {link(0, first), first, second, third, last}, all_agree);
}

void interrupt_processing() {
  static Semaphore given;
  bench::on_interrupt(given);
  const std::uint64_t before = bench::interrupts_handled();
  const Thread thread = start(10, [] {
    for (; !over; count(0)) {
      bench::interrupt();
      given.acquire();
    }
  });
  judge("interrupt_processing", 1, {thread}, [=] {
    return agree({counted(0), bench::interrupts_handled() - before});
  });
}

void interrupt_preemption() {
  const Thread urgent = start(20, [] {
    for (;; count(1)) {
      this_thread::park();
      if (over) return;
    }
  });
  bench::on_interrupt(urgent);
  const std::uint64_t before = bench::interrupts_handled();
  const Thread thread = start(10, [] {
    for (; !over; count(0)) bench::interrupt();
  });
  judge("interrupt_preemption", 1, {thread, urgent}, [=] {
    return agree({counted(0), counted(1), bench::interrupts_handled() - before});
  });
}

void message_processing() {
  struct Message {
    std::uint64_t words[2];
  };
  static MessageQueue<Message, 10> queue;
  static std::atomic<bool> right{true};
  const Thread thread = start(10, [] {
    for (; !over; count(0)) {
      const Message sent = {{counted(0), ~counted(0)}};
      Message received{};
      queue.send(sent);
      queue.receive(received);
      if (received.words[0] != sent.words[0] || received.words[1] != sent.words[1]) right = false;
    }
  });
  judge("message_processing", 1, {thread}, [] { return right && counted(0) > 0; });
}

void synchronization() {
  static Semaphore semaphore(1);
  const Thread thread = start(10, [] {
    for (; !over; count(0)) {
      semaphore.acquire();
      (void)semaphore.release();
    }
  });
  judge("synchronization", 1, {thread}, [] { return semaphore.available() <= 1 && counted(0) > 0; });
}

void memory_allocation() {
  static std::atomic<bool> right{true};
  const Thread thread = start(10, [] {
    for (; !over; count(0)) {
      void* const block = operator new(128);
      if (reinterpret_cast<std::uintptr_t>(block) % 16 != 0) right = false;
      operator delete(block);
    }
  });
  judge("memory_allocation", 1, {thread}, [] { return right && counted(0) > 0; });
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  const auto ms = arguments.size() == 1 ? parse_number(arguments[0]) : std::nullopt;
  if (!ms || *ms == 0) {
    print("thread_metric: write for how many milliseconds each test runs\n");
    return 2;
  }
  interval = milliseconds(static_cast<std::int64_t>(*ms));
  this_thread::set_terms(Terms::fixed(90, {}, {}));
  basic_processing();
  cooperative_scheduling();
  preemptive_scheduling();
  interrupt_processing();
  interrupt_preemption();
  message_processing();
  synchronization();
  memory_allocation();
  return 0;
}
