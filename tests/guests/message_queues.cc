// Message queues: order, bounds, timeouts, and many threads at both ends.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

struct Message {
  std::uint32_t sender, number;
};

void without_waiting() {
  MessageQueue<int, 3> q;
  int got = 7;
  test::expect(!q.try_receive(got) && got == 7, "a message from nowhere");
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < 3; i++) test::expect(q.try_send(10 * round + i), "no room for {}", i);
    test::expect(!q.try_send(99) && q.size() == 3, "room for a fourth of three");
    for (int i = 0; i < 3; i++)
      test::expect(q.try_receive(got) && got == 10 * round + i, "{} came out at {}", got, i);
  }
  Time begin = now();
  test::expect(!q.try_receive_for(got, milliseconds(3)) && now() - begin >= milliseconds(3),
               "one from nowhere");
  for (int i = 0; i < 3; i++) q.send(i);
  begin = now();
  test::expect(!q.try_send_for(3, milliseconds(3)) && now() - begin >= milliseconds(3), "room from nowhere");
  // What a sender that gave up wanted to send is not there.
  for (int i = 0; i < 3; i++) test::expect(q.try_receive(got) && got == i, "{} came out at {}", got, i);
  test::expect(!q.try_receive(got), "{} came out besides", got);
}

void many_threads() {
  constexpr std::uint32_t kSenders = 3, kEach = 600;
  static MessageQueue<Message, 5> q;
  static std::atomic<std::uint32_t> received[kSenders];
  static std::atomic<std::uint32_t> total{0};
  const auto send_as = [](std::uint32_t who) {
    return [who] {
      for (std::uint32_t i = 0; i < kEach; i++) {
        const Message m{who, i};
        if (i % 3 != 0)
          q.send(m);
        else
          while (!q.try_send_for(m, microseconds(100))) {
          }
      }
    };
  };
  const Thread senders[] = {Thread::create("s0", Terms::fair(), send_as(0)),
                            Thread::create("s1", Terms::fixed(4, {}, {}), send_as(1)),
                            Thread::create("s2", Terms::background(), send_as(2))};
  const Thread receiver = Thread::create("r", Terms::fair(), [] {
    // One receiver sees each sender's messages in the order in which they were sent.
    for (std::uint32_t i = 0; i < kSenders * kEach; i++) {
      Message m{};
      q.receive(m);
      test::expect(m.sender < kSenders && m.number == received[m.sender], "message {} of {} where {} was due",
                   m.number, m.sender, received[m.sender].load());
      received[m.sender]++;
      total++;
    }
  });
  for (const Thread& t : senders) t.join();
  receiver.join();
  Message m{};
  test::expect(total == kSenders * kEach && !q.try_receive(m), "{} messages came", total.load());
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  without_waiting();
  many_threads();
  return test::pass("message_queues");
}
