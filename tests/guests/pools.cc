// A pool has so many objects and no more, gives each to one thread, lets others wait for one, and takes
// nothing from the heap.
#include <atomic>

#include "guest/memory.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<int> alive{0};

struct Packet {
  explicit Packet(std::uint64_t which) : mark(which) { alive++; }
  ~Packet() { alive--; }
  Packet(const Packet&) = delete;
  Packet& operator=(const Packet&) = delete;
  alignas(32) std::uint64_t mark;
  char more[33] = {};
};

constinit Pool<Packet, 70> packets;

void have_so_many_and_no_more() {
  Packet* all[70];
  for (int round = 0; round < 3; round++) {
    for (std::uint64_t i = 0; i < 70; i++) {
      test::expect(packets.available() == 70 - i, "{} are left after {}", packets.available(), i);
      all[i] = packets.try_create(i);
      test::expect(all[i] != nullptr && reinterpret_cast<std::uintptr_t>(all[i]) % 32 == 0,
                   "object {} is at {}", i, static_cast<void*>(all[i]));
    }
    test::expect(packets.try_create(1u) == nullptr, "there is one too many");
    const Time begin = now();
    test::expect(packets.try_create_for(milliseconds(5), 1u) == nullptr, "there is one too many");
    test::expect(now() - begin >= milliseconds(5), "gave up after {}", now() - begin);
    // In another order each time.
    for (std::uint64_t i = 0; i < 70; i++) {
      const std::uint64_t which = (i * 37 + static_cast<std::uint64_t>(round)) % 70;
      test::expect(all[which]->mark == which, "object {} is {}", which, all[which]->mark);
      packets.destroy(all[which]);
    }
    test::expect(alive == 0, "{} are alive", alive.load());
  }
  packets.destroy(nullptr);
}

/// The most urgent first, from hand to hand.
void wait_for_one() {
  static Pool<int, 1> one;
  static std::atomic<int> served{0};
  static int order[3] = {};
  int* mine = one.create(0);
  const auto wait = [](int which) {
    return [which] {
      int* got = one.create(which);
      test::expect(*got == which, "{} instead of {}", *got, which);
      order[which] = served++;
      one.destroy(got);
    };
  };
  const Thread low = Thread::create("low", Terms::fair(), wait(0));
  this_thread::sleep_for(milliseconds(3));
  const Thread middle = Thread::create("middle", Terms::fixed(10, {}, {}), wait(1));
  this_thread::sleep_for(milliseconds(3));
  const Thread high = Thread::create("high", Terms::fixed(20, {}, {}), wait(2));
  this_thread::sleep_for(milliseconds(3));
  one.destroy(mine);
  for (const Thread* t : {&low, &middle, &high}) t->join();
  test::expect(order[2] == 0 && order[1] == 1 && order[0] == 2, "served as {}, {}, {}", order[2], order[1],
               order[0]);
  test::expect(one.available() == 1, "{} are left", one.available());
}

/// Many threads: an object has one owner at a time.
void have_one_owner() {
  static Pool<std::atomic<int>, 3> few;
  static std::atomic<int> timeouts{0};
  const auto work = [](int seed) {
    return [seed] {
      for (int i = 0; i < 400; i++) {
        std::atomic<int>* mine = i % 3 == 0 ? few.try_create_for(microseconds(50 + seed), 0) : few.create(0);
        if (mine == nullptr) {
          timeouts++;
          continue;
        }
        test::expect((*mine)++ == 0, "an object has two owners");
        if (i % 5 == seed % 5) this_thread::yield();
        if (i % 40 == 0) this_thread::sleep_for(microseconds(100));
        test::expect(--*mine == 0, "an object has two owners");
        few.destroy(mine);
      }
    };
  };
  const Thread a = Thread::create("a", Terms::fair(), work(1)),
               b = Thread::create("b", Terms::fair(), work(2)),
               c = Thread::create("c", Terms::fixed(5, {}, {}), work(3)),
               d = Thread::create("d", Terms::fair(), work(4)),
               e = Thread::create("e", Terms::fixed(6, {}, {}), work(5));
  for (const Thread* t : {&a, &b, &c, &d, &e}) t->join();
  test::expect(few.available() == 3, "{} are left, {} waits ended", few.available(), timeouts.load());
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  const std::string_view misuse = arguments.empty() ? "" : arguments[0];
  if (misuse == "twice") {
    Packet* p = packets.create(1u);
    packets.destroy(p);
    packets.destroy(p);
    return 0;
  }
  if (misuse == "foreign") {
    Packet other(1u);
    packets.destroy(&other);
    return 0;
  }
  if (misuse == "left") {
    Pool<int, 4> local;
    (void)local.create(1);
    return 0;
  }
  const kernel::MemoryUse before = kernel::memory_use();
  have_so_many_and_no_more();
  const kernel::MemoryUse after = kernel::memory_use();
  test::expect(before.untouched == after.untouched && before.in_blocks == after.in_blocks,
               "the heap was used");
  wait_for_one();
  have_one_owner();
  return test::pass("pools");
}
