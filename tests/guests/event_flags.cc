// Event flags: any and all, kept and cleared, in time and too late.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;
using Want = EventFlags::Want;
using Then = EventFlags::Then;

void without_waiting() {
  EventFlags f;
  f.set(0b101);
  test::expect(f.wait(0b110, Want::kAny, Then::kKeep) == 0b100, "any of what is there");
  test::expect(f.get() == 0b101, "kept");
  test::expect(f.wait(0b111, Want::kAll, Then::kClear, Time{}) == 0, "all, of which one is missing");
  test::expect(f.get() == 0b101, "a wait in vain clears nothing");
  test::expect(f.wait(0b101, Want::kAll) == 0b101 && f.get() == 0, "all, cleared");
  f.set(0b11);
  f.clear(0b01);
  test::expect(f.get() == 0b10, "cleared by hand");
}

void with_waiting() {
  EventFlags f;
  std::atomic<std::uint32_t> any{0}, all{0};
  const Thread one =
      Thread::create("any", Terms::fair(), [&] { any = f.wait(0b0011, Want::kAny, Then::kKeep); });
  const Thread both = Thread::create("all", Terms::fair(), [&] { all = f.wait(0b0111, Want::kAll); });
  this_thread::sleep_for(milliseconds(2));
  test::expect(any == 0 && all == 0, "nothing was set yet");
  f.set(0b1000);
  f.set(0b0010);
  one.join();
  test::expect(any == 0b0010 && all == 0, "any got {}, all {}", any.load(), all.load());
  f.set(0b0100);
  f.set(0b0001);
  both.join();
  test::expect(all == 0b0111 && f.get() == 0b1000, "all got {}, {} are left", all.load(), f.get());
  const Time begin = now();
  test::expect(f.wait_for(1, milliseconds(5)) == 0 && now() - begin >= milliseconds(5),
               "a flag from nowhere");
}

/// What one clears the next does not see; what one keeps all see.
void several_at_once() {
  static EventFlags f;
  static std::atomic<int> ended{0};
  const auto waits = [](Then then) {
    return [then] {
      if (f.wait(1, Want::kAny, then, now() + milliseconds(300)) != 0) ended++;
    };
  };
  for (const Then then : {Then::kKeep, Then::kClear}) {
    ended = 0;
    f.clear(~0u);
    const Thread a = Thread::create("a", Terms::fair(), waits(then)),
                 b = Thread::create("b", Terms::fair(), waits(then)),
                 c = Thread::create("c", Terms::fair(), waits(then));
    this_thread::sleep_for(milliseconds(50));
    f.set(1);
    for (const Thread* t : {&a, &b, &c}) t->join();
    test::expect(ended == (then == Then::kKeep ? 3 : 1), "{} saw the flag", ended.load());
  }
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  without_waiting();
  with_waiting();
  several_at_once();
  return test::pass("event_flags");
}
