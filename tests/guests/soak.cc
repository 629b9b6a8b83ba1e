// All that the kernel offers, used at random for a long time: nothing of the memory is lost, no wake-up is,
// and what is to come at regular times does. Says each second what time it has, for who compares its clock
// with another (tools/soak).
//   soak [SECONDS [SEED]]
#include "guest/inspect.h"
#include "guest/memory.h"
#include "tests/guests/random_operations.h"

namespace {

using namespace candor;
using test::expect;
using test::Random;

constexpr std::size_t kStackBytes = 16 * 1024;
constexpr Duration kPeriod = milliseconds(10);
constexpr Duration kPatience = seconds(10);  // each kind of wait ends in that, however busy the machine is
constexpr Terms kUrgent = Terms::fixed(20, {}, {});

std::atomic<std::uint64_t> seed{0};
std::atomic<bool> round_over{false}, all_over{false};

/// A kind of wait without a time limit, and how often it has ended: one that stands still has lost a wake-up.
struct Progress {
  const char* name;
  std::atomic<std::uint64_t> count{0};
  std::atomic<bool> last{false};  // the question that is asked now is the last of the round
  // The watchdog's:
  std::uint64_t seen = 0;
  Time since{};
};
constinit Progress progress[] = {{"semaphore"}, {"message queue"}, {"condition variable"}, {"event flags"},
                                 {"park"},      {"mutex"},         {"urgent mutex"},       {"join"},
                                 {"timer"},     {"sleep"},         {"random 0"},           {"random 1"},
                                 {"random 2"},  {"periodic"}};
enum Kind : std::uint8_t {
  kSemaphore,
  kMessage,
  kCondition,
  kFlags,
  kPark,
  kMutex,
  kUrgentMutex,
  kJoin,
  kTimer,
  kSleep,
  kRandom,
  kPeriodic = kRandom + 3
};

Random next_random() {
  return Random(seed += 7919);
}

/// Now and then, so that the less urgent get their turn and the order changes.
void rest(Random& random) {
  if (random(32) == 0) this_thread::sleep_for(microseconds(random(500)));
}

/// The threads of a round, at most so many.
class Team {
 public:
  ~Team() {
    for (; count_ > 0; count_--) {
      at(count_ - 1).join();
      at(count_ - 1).~Thread();
    }
  }
  template <typename F>
  const Thread& add(const Terms& terms, F&& function) {
    expect(count_ < kMost, "more than {} threads in a round", kMost);
    return *new (&places_[count_++])
        Thread(Thread::create("soak", terms, std::forward<F>(function), kStackBytes));
  }
  static constexpr std::size_t kMost = 24;

 private:
  struct alignas(Thread) Place {
    std::byte bytes[sizeof(Thread)];
  };
  Thread& at(std::size_t i) { return *reinterpret_cast<Thread*>(&places_[i]); }
  std::size_t count_ = 0;
  Place places_[kMost];
};

/// Two threads of which one asks and the other one, more urgent, answers, until the round is over.
struct Pair {
  const Thread* answers;
  const Thread* asks;
};
template <typename Ask, typename Receive, typename Answer>
Pair ask_and_answer(Team& team, Kind kind, Ask ask, Receive receive, Answer answer) {
  Progress& p = progress[kind];
  p.last = false;
  const Thread& answers = team.add(kUrgent, [=, &p] {
    for (;;) {
      receive();
      const bool ends = p.last;  // the next question is not asked before this one is answered
      answer();
      if (ends) return;
    }
  });
  const Thread& asks = team.add(Terms::fair(), [=, &p, random = next_random()]() mutable {
    for (bool ends = false; !ends; p.count++) {
      ends = round_over;
      if (ends) p.last = true;
      ask();
      rest(random);
    }
  });
  return {&answers, &asks};
}

struct Objects {
  Semaphore there, back;
  MessageQueue<std::uint64_t, 3> questions, answers;
  Mutex mutex{"soak"};
  ConditionVariable changed;
  bool asked = false;
  EventFlags flags;
  std::atomic<bool> wanted{false};
  std::atomic<const Thread*> answers_by_park{nullptr}, asks_by_park{nullptr};
  RecursiveMutex counted;
  std::uint64_t inside = 0;
  Semaphore fired;
  Timer timer{[](void* semaphore) { (void)static_cast<Semaphore*>(semaphore)->release(); }, &fired};
  test::Shared shared;

  void wait_until_asked(bool what) {
    const Lock lock(mutex);
    while (asked != what) changed.wait(mutex);
  }
  void say(bool what) {
    const Lock lock(mutex);
    asked = what;
    changed.notify_all();
  }
  void want(bool what, const std::atomic<const Thread*>& who) {
    while (who.load() == nullptr) this_thread::yield();  // it is just being made
    wanted = what;
    who.load()->unpark();
  }
  void park_until_wanted(bool what) {
    while (wanted != what) this_thread::park();
  }
};

void start_pairs(Team& team, Objects& o) {
  ask_and_answer(
      team, kSemaphore,
      [&o] {
        (void)o.there.release();
        o.back.acquire();
      },
      [&o] { o.there.acquire(); }, [&o] { (void)o.back.release(); });
  static std::uint64_t question;
  ask_and_answer(
      team, kMessage,
      [&o] {
        const std::uint64_t asked = progress[kMessage].count;
        std::uint64_t answer = 0;
        o.questions.send(asked);
        o.answers.receive(answer);
        expect(answer == ~asked, "the answer to {} is {}", asked, answer);
      },
      [&o] { o.questions.receive(question); }, [&o] { o.answers.send(~question); });
  ask_and_answer(
      team, kCondition,
      [&o] {
        o.say(true);
        o.wait_until_asked(false);
      },
      [&o] { o.wait_until_asked(true); }, [&o] { o.say(false); });
  ask_and_answer(
      team, kFlags,
      [&o] {
        o.flags.set(1);
        (void)o.flags.wait(2);
      },
      [&o] { (void)o.flags.wait(1); }, [&o] { o.flags.set(2); });
  const Pair by_park = ask_and_answer(
      team, kPark,
      [&o] {
        o.want(true, o.answers_by_park);
        o.park_until_wanted(false);
      },
      [&o] { o.park_until_wanted(true); }, [&o] { o.want(false, o.asks_by_park); });
  o.answers_by_park = by_park.answers;
  o.asks_by_park = by_park.asks;
}

template <typename F>
void repeat(Team& team, const Terms& terms, int kind, F function) {
  team.add(terms, [=, random = next_random()]() mutable {
    for (; !round_over; progress[kind].count++) {
      function(random);
      rest(random);
    }
  });
}

/// A thread that lives for a moment, with memory of its own.
void make_a_thread(Random& random) {
  // Real-time ones are few: each asks the host twice, which stops listening for a while to one that asks too
  // often.
  static Time next_claim;
  const Terms terms[] = {Terms::fair(), Terms::background(), Terms::fixed(30, {}, {}),
                         Terms::deadline(milliseconds(20), microseconds(100))};
  const bool claims = now() >= next_claim;
  if (claims) next_claim = now() + milliseconds(250);
  const std::uint32_t kind = random(2) + (claims ? 2 : 0);
  auto* const memory = new std::byte[1 + random(2000)];
  const bool sleeps = random(4) == 0;
  Thread::create(
      "short", terms[kind],
      [=] {
        memory[0] = std::byte{1};
        if (sleeps) this_thread::sleep_for(microseconds(50));
      },
      kStackBytes)
      .join();
  expect(memory[0] == std::byte{1}, "joined before its end");
  delete[] memory;
}

void start_others(Team& team, Objects& o) {
  const auto exclude = [&o](Random& random) {
    o.counted.lock();
    o.counted.lock();
    expect(++o.inside == 1, "two in the critical section");
    if (random(8) == 0) this_thread::yield();
    o.inside--;
    o.counted.unlock();
    o.counted.unlock();
  };
  repeat(team, Terms::fair(), kMutex, exclude);
  repeat(team, kUrgent, kUrgentMutex, exclude);
  repeat(team, Terms::fair(), kJoin, make_a_thread);
  repeat(team, Terms::fair(), kTimer, [&o](Random& random) {
    const bool periodic = random(4) == 0;
    o.timer.start_after(microseconds(random(1000)), periodic ? microseconds(50) : Duration{});
    o.fired.acquire();
    if (!periodic) return;
    o.fired.acquire();
    o.timer.stop();
    while (o.fired.try_acquire())
      ;
  });
  repeat(team, kUrgent, kSleep, [](Random& random) {
    const Time until = now() + microseconds(random(2000));
    this_thread::sleep_until(until);
    expect(now() >= until, "woken too early");
  });
  const Terms terms[] = {Terms::fair(), Terms::fixed(3, {}, {}), Terms::fixed(9, {}, {})};
  for (int i = 0; i < 3; i++)
    repeat(team, terms[i], kRandom + i, [&o](Random&) { test::operate(o.shared, seed += 7919, 20); });
}

struct Regular {
  std::atomic<std::uint64_t> jobs{0}, passed_over{0};
  std::atomic<std::int64_t> latest_ns{0};
} regular;

/// Each release is on the grid that began with the first, and none comes early.
void come_regularly(Time first) {
  Periodic jobs(kPeriod, {}, first);
  std::int64_t expected = 0;
  while (!all_over && jobs.wait_next()) {
    const Duration late = now() - jobs.release();
    const Duration along = jobs.release() - first;
    const std::int64_t release = along.ns / kPeriod.ns;
    expect(along.ns % kPeriod.ns == 0 && release >= expected, "release {} is {} after the first", release,
           along);
    expect(late.ns >= 0, "release {} comes {} ns early", release, -late.ns);
    regular.passed_over += static_cast<std::uint64_t>(release - expected);
    expected = release + 1;
    regular.jobs++;
    progress[kPeriodic].count++;
    if (late.ns > regular.latest_ns) regular.latest_ns = late.ns;
  }
}

/// Ends the VM where something has stood still for too long.
void watch(Time t) {
  for (Progress& p : progress) {
    const std::uint64_t count = p.count;
    if (count != p.seen || p.since == Time{}) {
      p.seen = count;
      p.since = t;
    }
    expect(t - p.since < kPatience, "a wake-up is lost: {} has stood at {} for {}", p.name, count,
           t - p.since);
  }
}

struct InUse {
  std::size_t bytes, threads;
  bool operator==(const InUse&) const = default;
};
InUse in_use() {
  InUse now{kernel::memory_use().in_blocks, 0};
  kernel::ThreadInfo info;
  while (kernel::thread_info(now.threads, info)) now.threads++;
  return now;
}

/// As many threads at a time as there ever are later: their stacks are kept for others, and each has a
/// record.
void have_all_stacks() {
  Team team;
  Semaphore end;
  const auto wait = [&end] { end.acquire(); };
  for (std::size_t i = 0; i < Team::kMost; i++) team.add(Terms::fair(), wait);
  for (std::size_t i = 0; i < Team::kMost; i++) (void)end.release();
}

/// What has ended may not have left its stack yet.
void expect_settled(const InUse& before) {
  const Time patience = now() + kPatience;
  while (in_use() != before && now() < patience) this_thread::sleep_for(milliseconds(1));
  const InUse after = in_use();
  expect(after == before, "a leak: {} bytes in {} threads before, {} in {} after", before.bytes,
         before.threads, after.bytes, after.threads);
}

void tell_time(Time begin) {
  print("soak tick us={}\n", (now() - begin).ns / 1000);
}

void run_round(Time begin, Time end, Duration tick) {
  round_over = false;
  auto* const objects = new Objects;
  Random random = next_random();
  test::against_a_model(random, 1000);
  {
    Team team;
    start_pairs(team, *objects);
    start_others(team, *objects);
    for (Progress& p : progress) p.since = now();
    for (Time t = now() + tick;; t = t + tick) {
      this_thread::sleep_until(t < end ? t : end);
      if (t >= end) break;
      watch(now());
      tell_time(begin);
    }
    round_over = true;
  }
  objects->shared.expect_conserved();
  delete objects;
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  const std::uint64_t length = arguments.empty() ? 1 : parse_number(arguments[0]).value_or(0);
  seed = arguments.size() < 2 ? static_cast<std::uint64_t>(now().ns) : parse_number(arguments[1]).value_or(1);
  if (length == 0) {
    print("soak: write for how many seconds\n");
    return 2;
  }
  const Duration all = seconds(static_cast<std::int64_t>(length));
  const Duration round = all < seconds(120) ? Duration{all.ns / 2} : seconds(60);
  print("soak: {} in rounds of {}, seed {}\n", all, round, seed.load());
  this_thread::set_terms(Terms::fixed(95, {}, {}));
  (void)TimerThread::shared();
  have_all_stacks();
  const Time begin = now();
  const Thread periodic = Thread::create(
      "regular", Terms::deadline(kPeriod, microseconds(500)), [=] { come_regularly(begin + kPeriod); },
      kStackBytes);
  this_thread::sleep_for(milliseconds(50));
  print("soak: the periodic thread runs with{} a reserve {}\n", periodic.claim().admitted() ? "" : "out",
        periodic.claim().admitted() ? "" : periodic.claim().why());
  const InUse before = in_use();
  for (Time end = begin + round; end <= begin + all; end = end + round) {
    run_round(begin, end, round < seconds(5) ? Duration{round.ns / 5} : seconds(1));
    expect_settled(before);
    std::uint64_t waits = 0;
    for (const Progress& p : progress) waits += p.count;
    print(
        "soak: {}, {} waits have ended, {} bytes in use by {} threads, {} never used; {} jobs, {} passed "
        "over, latest {}\n",
        now() - begin, waits, before.bytes, before.threads, kernel::memory_use().untouched,
        regular.jobs.load(), regular.passed_over.load(), Duration{regular.latest_ns});
  }
  all_over = true;
  periodic.join();
  for (const Progress& p : progress) print("soak: {} {}\n", p.count.load(), p.name);
  return test::pass("soak");
}
