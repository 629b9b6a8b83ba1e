// Work that one vCPU has no time for goes to those which have, never more often than it may, and pinned
// threads stay.
#include <atomic>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<bool> done{false};
std::atomic<std::uint64_t> seen{0};  // vCPUs on which work ran

std::uint32_t where() {
  const kernel::Masked masked;
  return kernel::this_vcpu_index();
}

/// Of the fair vCPUs, how often they have slept.
std::uint64_t sleeps() {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < kernel::kernel.fair_vcpus; i++)
    sum += kernel::peek(kernel::vcpu_page(i).waits);
  return sum;
}

void idle_ones_sleep() {
  this_thread::sleep_for(milliseconds(50));
  const std::uint64_t before = sleeps();
  const Time until = now() + milliseconds(100);
  while (now() < until) {
  }
  test::expect(sleeps() - before <= 2, "{} sleeps of those which have nothing to do", sleeps() - before);
}

/// Fair ones that all begin on the first vCPU are soon everywhere; the pinned one among them is not.
void fair_work_spreads(std::uint32_t vcpus) {
  done = false;
  seen = 0;
  constexpr std::uint32_t kMost = 8;
  const std::uint32_t threads = vcpus < kMost ? vcpus + 1 : kMost;
  Thread* spinners[kMost];
  const Time begin = now();
  for (std::uint32_t i = 0; i < threads; i++)
    spinners[i] = new Thread(Thread::create("spinner", Terms::fair().on(1), [] {
      this_thread::set_terms(Terms::fair());
      while (!done) seen |= 1ull << where();
    }));
  std::atomic<bool> strayed{false};
  const Thread pinned = Thread::create("pinned", Terms::fair().on(1), [&] {
    while (!done)
      if (where() != 0) strayed = true;
  });
  const Time patience = now() + seconds(20);
  const std::uint32_t wanted = vcpus < threads ? vcpus : threads;
  const auto count = [](std::uint64_t bits) {
    std::uint32_t ones = 0;
    for (; bits != 0; bits &= bits - 1) ones++;
    return ones;
  };
  while (count(seen) < wanted) {
    test::expect(now() < patience, "work has been on {} only, of {}", seen.load(), vcpus);
    this_thread::sleep_for(milliseconds(1));
  }
  this_thread::sleep_for(milliseconds(200));
  std::uint64_t moves = 0;
  const auto most = static_cast<std::uint64_t>((now() - begin).ns / milliseconds(10).ns) + 1;
  for (std::uint32_t i = 0; i < threads; i++) {
    const std::uint64_t own = spinners[i]->migrations();
    test::expect(own <= most, "a thread has moved {} times, {} are the most", own, most);
    moves += own;
  }
  print("{} moves of {} threads in {}\n", moves, threads, now() - begin);
  test::expect(moves >= wanted - 1, "{} moves", moves);
  test::expect(pinned.migrations() == 0 && !strayed, "the pinned one has moved");
  done = true;
  for (std::uint32_t i = 0; i < threads; i++) {
    spinners[i]->join();
    delete spinners[i];
  }
  pinned.join();
}

/// A fixed one that waits behind another goes where only fair work runs.
void important_work_moves(std::uint32_t vcpus) {
  done = false;
  std::atomic<std::uint32_t> at[2] = {~0u, ~0u};
  for (std::uint32_t i = 0; i < vcpus; i++)
    Thread::create("fair", Terms::fair().on(1ull << i), [] {
      while (!done) {
      }
    });
  const auto body = [&](int self) {
    while (!done) at[self] = where();
  };
  // All vCPUs have work, so none is idle; main comes back in between.
  this_thread::set_terms(Terms::fixed(90, {}, {}));
  const Thread high = Thread::create("high", Terms::fixed(20, {}, {}).on(1), [&] { body(0); });
  const Thread low = Thread::create("low", Terms::fixed(10, {}, {}).on(1), [&] {
    this_thread::set_terms(Terms::fixed(10, {}, {}));
    body(1);
  });
  // It has to run once to say that it is not pinned.
  const Time patience = now() + seconds(20);
  for (bool lowered = false; at[1] == ~0u || at[1] == 0;) {
    test::expect(now() < patience, "it waits for good, seen on {}", at[1].load());
    this_thread::sleep_for(milliseconds(20));
    if (!lowered && at[1] == ~0u)
      static_cast<void>(high.set_priority(5));
    else if (!lowered)
      lowered = high.set_priority(20);
  }
  done = true;
  high.join();
  low.join();
  this_thread::set_terms(Terms::fair());
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const std::uint32_t vcpus = kernel::kernel.fair_vcpus;
  test::expect(vcpus >= 2, "needs two fair vCPUs");
  idle_ones_sleep();
  fair_work_spreads(vcpus);
  important_work_moves(vcpus);
  return test::pass("shares_work");
}
