// The parts of the kernel that need no kernel: what they promise, on the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "guest/entry_set.h"
#include "guest/format.h"
#include "guest/grid.h"
#include "guest/heap.h"
#include "guest/histogram.h"
#include "guest/mail_word.h"
#include "guest/mpsc_stack.h"
#include "guest/ordered_list.h"
#include "guest/parse.h"
#include "guest/poll_bound.h"
#include "guest/rank.h"

namespace candor::kernel {
namespace {

using testing::ElementsAre;

// --------------------------------------------------------------- mail word

TEST(MailWord, WhoeverComesLaterDoesNotWaitForTheFirst) {
  MailWord mail;
  ASSERT_TRUE(mail.add(1)) << "the first pushes the link, but is preempted before";
  EXPECT_FALSE(mail.add(2));
  EXPECT_FALSE(mail.empty());
  EXPECT_EQ(mail.take_early(), 3u);
  EXPECT_TRUE(mail.empty());
  EXPECT_FALSE(mail.add(4)) << "the link is still to come: pushing it twice would break the inbox";
  EXPECT_EQ(mail.take(), 4u) << "it has come";
  EXPECT_TRUE(mail.add(8)) << "and may be pushed again";
}

TEST(MailWord, EachBitIsTakenOnceAndTheLinkIsNeverPushedTwice) {
  constexpr int kEach = 20'000;
  MailWord mail;
  std::atomic<int> links{0}, told{0}, ended{0};
  std::array<std::atomic<bool>, 2> wanted{};  // set by its sender, cleared by the owner
  const auto send = [&](std::size_t who) {
    for (int i = 0; i < kEach; ++i) {
      wanted[who] = true;
      if (mail.add(1u << who)) {
        std::this_thread::yield();
        links.fetch_add(1);
      } else {
        told.fetch_add(1);
      }
      while (wanted[who]) std::this_thread::yield();
    }
    ended.fetch_add(1);
  };
  std::thread first(send, 0), second(send, 1);
  bool twice = false;
  while (ended < 2) {
    std::uint32_t bits = 0;
    if (const int pushed = links.exchange(0); pushed != 0) {
      twice |= pushed > 1;
      bits = mail.take();
    } else if (told.exchange(0) != 0) {
      bits = mail.take_early();
    }
    for (std::size_t who = 0; who < wanted.size(); ++who)
      if ((bits >> who & 1) != 0) wanted[who] = false;
    if (bits == 0) std::this_thread::yield();
  }
  first.join();
  second.join();
  EXPECT_FALSE(twice);
}

// --------------------------------------------------------------- entry set

struct Entry {
  int id = 0;
  EntryHook hook;
};

TEST(EntrySet, WhatIsWrittenIsWhatIsThere) {
  constexpr std::uint32_t kMost = 64, kLimit = 56;
  std::array<Entry, kMost> all;
  for (int i = 0; i < static_cast<int>(kMost); ++i) all[static_cast<std::size_t>(i)].id = i;
  EntrySet<Entry, &Entry::hook, kMost> set;
  std::set<int> in;
  std::array<int, kLimit> written;
  written.fill(-1);
  std::mt19937 random(7);
  for (int step = 0; step < 20'000; ++step) {
    Entry& entry = all[random() % kMost];
    if (in.erase(entry.id) != 0) {
      set.remove(&entry);
    } else {
      in.insert(entry.id);
      set.add(&entry);
    }
    if (step % 3 != 0) continue;  // some changes are undone before they are written
    set.write_changes(kLimit, [&](std::uint32_t i, const Entry& e) { written.at(i) = e.id; });
    ASSERT_EQ(set.size(), in.size());
    std::set<int> seen(written.begin(), written.begin() + std::min(set.size(), kLimit));
    ASSERT_EQ(seen.size(), std::min<std::size_t>(in.size(), kLimit)) << "none twice";
    ASSERT_TRUE(std::includes(in.begin(), in.end(), seen.begin(), seen.end()));
  }
}

TEST(EntrySet, ADispatchRewritesTwoEntriesHoweverManyThereAre) {
  std::array<Entry, 50> all;
  EntrySet<Entry, &Entry::hook, 64> set;
  int writes = 0;
  const auto count = [&](std::uint32_t, const Entry&) { ++writes; };
  for (std::size_t i = 1; i < all.size(); ++i) set.add(&all[i]);
  set.write_changes(64, count);
  EXPECT_EQ(writes, 49);
  set.add(&all[0]);     // the one that ran
  set.remove(&all[7]);  // the one that runs next
  set.write_changes(64, count);
  EXPECT_LE(writes, 49 + 2);
  set.remove(&all[7]);
  EXPECT_EQ(set.size(), 49u);
}

// ------------------------------------------------------------ ordered list

struct Item {
  int key = 0;
  int id = 0;
  ListHook<Item> hook;
};
struct ByKey {
  bool operator()(const Item& a, const Item& b) const { return a.key < b.key; }
};
using Items = OrderedList<Item, &Item::hook, ByKey>;

std::vector<int> ids(const Items& list) {
  std::vector<int> out;
  for (Item* i = list.front(); i != nullptr; i = Items::next(i)) out.push_back(i->id);
  return out;
}

TEST(OrderedList, KeepsOrderAndEqualsInOrderOfInsertion) {
  Item a{2, 1, {}}, b{1, 2, {}}, c{2, 3, {}}, d{3, 4, {}};
  Items list;
  for (Item* i : {&d, &a, &b, &c}) list.insert(i);
  EXPECT_THAT(ids(list), ElementsAre(2, 1, 3, 4));
  list.remove(&a);
  list.remove(&a);  // not there any more: nothing happens
  EXPECT_THAT(ids(list), ElementsAre(2, 3, 4));
  EXPECT_EQ(list.pop_front(), &b);
  EXPECT_FALSE(Items::contains(&b));
  list.remove(&d);
  list.insert(&b);
  EXPECT_THAT(ids(list), ElementsAre(2, 3));
}

TEST(OrderedList, StaysInOrderThroughRandomChanges) {
  std::mt19937 random(1);
  std::vector<Item> items(64);
  Items list;
  for (int round = 0; round < 20000; round++) {
    Item& item = items[random() % items.size()];
    if (Items::contains(&item)) {
      list.remove(&item);
    } else {
      item.key = static_cast<int>(random() % 10);
      list.insert(&item);
    }
    int last = -1;
    for (Item* i = list.front(); i != nullptr; i = Items::next(i)) {
      ASSERT_LE(last, i->key);
      last = i->key;
    }
  }
}

// ------------------------------------------------------------------- slice

TEST(Slice, GoesOnWhereItStopped) {
  Slice slice;
  slice.begin(Time{100});
  EXPECT_EQ(slice.end(Duration{40}), Time{140});
  EXPECT_EQ(slice.end({}), Time::never());
  slice.pause(Time{130});
  slice.begin(Time{1000});
  EXPECT_EQ(slice.end(Duration{40}), Time{1010}) << "ten are left";
  slice.pause(Time{1005});
  slice.renew();
  slice.begin(Time{2000});
  EXPECT_EQ(slice.end(Duration{40}), Time{2040});
}

// -------------------------------------------------------------------- rank

TEST(Rank, TiersThenDeadlinesThenPriorities) {
  EXPECT_TRUE(outranks({Tier::kUrgent, 0, 9}, Rank::deadline({1})));
  EXPECT_TRUE(outranks(Rank::deadline({5}), Rank::deadline({6})));
  EXPECT_TRUE(outranks(Rank::deadline(Time::never()), Rank::fixed(99)));
  EXPECT_TRUE(outranks(Rank::fixed(20), Rank::fixed(10)));
  EXPECT_TRUE(outranks(Rank::fixed(1), Rank::fair()));
  EXPECT_TRUE(outranks(Rank::fair(), Rank::background()));
  EXPECT_FALSE(outranks(Rank::fair(), Rank::fair()));
}

TEST(Rank, EqualsTakeTurns) {
  Rank a = Rank::fair(), b = Rank::fair();
  a.turn = 1;
  b.turn = 2;
  EXPECT_TRUE(precedes(a, b));
  EXPECT_FALSE(precedes(b, a));
  EXPECT_TRUE(shares_slices(a, b));
  EXPECT_FALSE(shares_slices(a, Rank::background()));
  EXPECT_TRUE(shares_slices(Rank::fixed(3), Rank::fixed(3)));
  EXPECT_FALSE(shares_slices(Rank::fixed(3), Rank::fixed(4)));
  EXPECT_FALSE(shares_slices(Rank::deadline({3}), Rank::deadline({3}))) << "the first runs to its end";
}

// -------------------------------------------------------------- mpsc stack

struct Message {
  int sender = 0, number = 0;
  Message* next = nullptr;
};

TEST(MpscStack, NothingIsLostAndEachSendersOrderIsKept) {
  constexpr int kSenders = 3, kEach = 20000;
  MpscStack<Message, &Message::next> stack;
  std::vector<std::vector<Message>> messages(kSenders, std::vector<Message>(kEach));
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; s++)
    senders.emplace_back([&, s] {
      for (int n = 0; n < kEach; n++) {
        messages[static_cast<size_t>(s)][static_cast<size_t>(n)].sender = s;
        messages[static_cast<size_t>(s)][static_cast<size_t>(n)].number = n;
        stack.push(&messages[static_cast<size_t>(s)][static_cast<size_t>(n)]);
      }
    });
  std::vector<int> expected(kSenders, 0);
  int got = 0;
  while (got < kSenders * kEach) {
    for (Message* m = stack.take_all(); m != nullptr;) {
      Message* next = m->next;
      ASSERT_EQ(m->number, expected[static_cast<size_t>(m->sender)]++);
      got++;
      m = next;
    }
  }
  for (auto& t : senders) t.join();
  EXPECT_TRUE(stack.empty());
}

// --------------------------------------------------------------- histogram

TEST(Histogram, FollowsTheFormulaOfTheAbi) {
  EXPECT_EQ(latency_bucket(0), 0u);
  EXPECT_EQ(latency_bucket(63), 63u);
  EXPECT_EQ(latency_bucket(64), 64u);
  EXPECT_EQ(latency_bucket(65), 64u);
  EXPECT_EQ(latency_bucket(127), 95u);
  EXPECT_EQ(latency_bucket(128), 96u);
  EXPECT_EQ(latency_bucket(~0ull), CANDOR_LATENCY_BUCKETS - 1);
  std::uint32_t last = 0;
  for (std::uint64_t ns = 0; ns < 100000; ns++) {
    ASSERT_LE(latency_bucket(ns) - last, 1u) << ns;
    last = latency_bucket(ns);
  }
}

// -------------------------------------------------------------------- grid

constexpr Time at_ms(std::int64_t ms) {
  return Time{} + milliseconds(ms);
}

TEST(Grid, ReleasesStayOnTheGrid) {
  Grid g(at_ms(100), milliseconds(5), {});
  EXPECT_EQ(g.release(0), at_ms(100));
  EXPECT_EQ(g.deadline(3), at_ms(120));
  EXPECT_EQ(Grid(at_ms(0), milliseconds(5), milliseconds(2)).deadline(1), at_ms(7));
}

TEST(Grid, SkipsOnlyReleasesWhoseSuccessorIsDueToo) {
  Grid g(at_ms(0), milliseconds(10), {});
  EXPECT_EQ(g.skip_overdue(at_ms(19), Time::never()), 1);  // release 0's successor (10) is due
  EXPECT_EQ(g.next(), 1);
  g.take();
  EXPECT_EQ(g.skip_overdue(at_ms(29), Time::never()), 0);  // 20 is due, 30 is not
  EXPECT_EQ(g.next(), 2);
  EXPECT_EQ(g.skip_overdue(at_ms(30), Time::never()), 1);
  EXPECT_EQ(g.next(), 3);
}

TEST(Grid, ReleasesAtOrAfterTheStopDoNotCount) {
  Grid g(at_ms(0), milliseconds(10), {});
  EXPECT_EQ(g.skip_overdue(at_ms(95), at_ms(50)), 5);  // 0 to 40
  Grid h(at_ms(0), milliseconds(10), {});
  EXPECT_EQ(h.finish(at_ms(50)), 5);
  EXPECT_EQ(h.finish(at_ms(50)), 0);
  Grid i(at_ms(0), milliseconds(10), {});
  EXPECT_EQ(i.finish(at_ms(51)), 6);
  Grid later(at_ms(100), milliseconds(10), {});
  EXPECT_EQ(later.finish(at_ms(50)), 0);
}

TEST(Grid, StartedAndSkippedAddUpForAnyLateness) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; round++) {
    Grid g(at_ms(0), milliseconds(10), {});
    const Time stop = at_ms(2000);
    Time now = at_ms(0);
    std::int64_t jobs = 0, skipped = 0;
    while (now < stop) {
      skipped += g.skip_overdue(now, stop);
      const Time release = g.release(g.next());
      if (release > now) now = release;
      if (release < stop) jobs++;
      g.take();
      now = now + milliseconds(static_cast<std::int64_t>(random() % 60));
    }
    skipped += g.finish(stop);
    ASSERT_EQ(jobs + skipped, 200) << round;
  }
}

// -------------------------------------------------------------- poll bound

/// The bound of the next idle period that is not one of a pause.
Duration after_pause(PollBound& b) {
  for (;;)
    if (const Duration bound = b.next(); bound.ns > 0) return bound;
}

TEST(PollBound, FollowsTheLengthOfIdlePeriods) {
  PollBound b;
  EXPECT_EQ(b.next(), PollBound::kFirst);
  b.missed(microseconds(150));
  EXPECT_EQ(after_pause(b), PollBound::kFirst * 2);
  for (int i = 0; i < 10; i++) b.missed(microseconds(150));
  EXPECT_EQ(after_pause(b), PollBound::kMost);
  for (int i = 0; i < 10; i++) b.missed(seconds(1));
  EXPECT_EQ(after_pause(b), PollBound::kLeast);
}

TEST(PollBound, PausesEverLongerWhileItNeverPays) {
  PollBound b;
  std::uint32_t polled = 0;
  for (int i = 0; i < 10'000; i++) {
    if (b.next().ns == 0) continue;
    polled++;
    b.missed(microseconds(100));
  }
  EXPECT_LT(polled, 10'000 / PollBound::kLongestPause + 10);
  ASSERT_GT(after_pause(b).ns, 0);
  b.hit();
  for (int i = 0; i < 100; i++) EXPECT_GT(b.next().ns, 0);
}

// ------------------------------------------------------------------ format

template <typename... A>
std::string formatted(std::string_view pattern, const A&... arguments) {
  char memory[128];
  const FormatArgument list[] = {FormatArgument(arguments)..., FormatArgument(0)};
  TextBuffer buffer(memory, sizeof memory);
  buffer.format(pattern, list, sizeof...(arguments));
  return std::string(buffer.text());
}

TEST(Format, Values) {
  EXPECT_EQ(formatted("{} {} {:x} {}", 1, -2, 255, "three"), "1 -2 ff three");
  EXPECT_EQ(formatted("{}", INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(formatted("{}", UINT64_MAX), "18446744073709551615");
  EXPECT_EQ(formatted("{} {} {} {}", microseconds(1500), nanoseconds(-7), seconds(2), microseconds(20)),
            "1.5ms -7ns 2s 20us");
  EXPECT_EQ(formatted("{} {}", nanoseconds(1'050), nanoseconds(1'000'001)), "1.05us 1ms");
}

TEST(Format, MistakesStayVisible) {
  EXPECT_EQ(formatted("{} and {}", 1), "1 and {}");
  EXPECT_EQ(formatted("{y} {", 1), "{y} {");
  EXPECT_EQ(formatted("none", 1), "none");
}

TEST(Format, CutsOffWhatDoesNotFit) {
  char memory[4];
  TextBuffer buffer(memory, sizeof memory);
  buffer.append(std::string_view("abcdef"));
  EXPECT_EQ(buffer.text(), "abcd");
}

// -------------------------------------------------------------------- heap

TEST(Heap, BlocksAreAlignedApartAndReused) {
  alignas(4096) static char memory[1 << 20];
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  Heap heap(begin + 24, begin + sizeof memory);
  std::mt19937 random(3);
  struct Block {
    unsigned char* p;
    std::size_t bytes;
    unsigned char mark;
  };
  std::vector<Block> blocks;
  for (int round = 0; round < 5000; round++) {
    if (blocks.size() > 50 || (!blocks.empty() && random() % 2 == 0)) {
      const std::size_t i = random() % blocks.size();
      for (std::size_t k = 0; k < blocks[i].bytes; k++) ASSERT_EQ(blocks[i].p[k], blocks[i].mark);
      EXPECT_EQ(heap.release(blocks[i].p), HeapFault::kNone);
      blocks[i] = blocks.back();
      blocks.pop_back();
    } else {
      const std::size_t bytes = random() % 3000, alignment = std::size_t{16} << random() % 4;
      auto* p = static_cast<unsigned char*>(heap.allocate(bytes, alignment));
      ASSERT_NE(p, nullptr);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(p) % alignment, 0u);
      const auto mark = static_cast<unsigned char>(random());
      std::memset(p, mark, bytes);
      blocks.push_back({p, bytes, mark});
    }
  }
}

TEST(Heap, WhatIsGivenBackWronglyIsToldAndChangesNothing) {
  alignas(4096) static char memory[16384];
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  Heap heap(begin, begin + sizeof memory);
  auto* p = static_cast<char*>(heap.allocate(20));
  auto* other = static_cast<char*>(heap.allocate(20));
  const std::size_t in_use = heap.bytes_in_use();
  EXPECT_EQ(Heap::bytes_of(p), 20u);
  EXPECT_EQ(heap.release(p + 16), HeapFault::kNotAllocated);
  EXPECT_EQ(heap.release(p + 1), HeapFault::kNotAllocated);
  EXPECT_EQ(heap.release(memory), HeapFault::kNotAllocated);
  EXPECT_EQ(heap.release(memory + sizeof memory - 16), HeapFault::kNotAllocated);
  EXPECT_EQ(heap.release(nullptr), HeapFault::kNone);
  p[20] ^= 1;
  EXPECT_EQ(heap.release(p), HeapFault::kOverrun);
  p[20] ^= 1;
  EXPECT_EQ(heap.bytes_in_use(), in_use);
  EXPECT_EQ(heap.release(p), HeapFault::kNone);
  EXPECT_EQ(heap.release(p), HeapFault::kFreedTwice);
  EXPECT_EQ(heap.release(other), HeapFault::kNone);
  EXPECT_EQ(heap.bytes_in_use(), 0u);
  // Nobody has it twice.
  EXPECT_NE(heap.allocate(20), heap.allocate(20));
}

TEST(Heap, RefusesWhatItHasNot) {
  alignas(4096) static char memory[16384];
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  Heap heap(begin, begin + sizeof memory);
  EXPECT_EQ(heap.allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(heap.allocate(SIZE_MAX - 20), nullptr);
  EXPECT_EQ(heap.allocate(20000), nullptr);
  EXPECT_NE(heap.allocate_pages(3), nullptr);
  EXPECT_EQ(heap.allocate_pages(2), nullptr);
  EXPECT_EQ(heap.allocate_pages(SIZE_MAX / 4096), nullptr);
}

// ------------------------------------------------------------------- parse

TEST(Parse, Durations) {
  EXPECT_EQ(parse_duration("5ms"), milliseconds(5));
  EXPECT_EQ(parse_duration("16.7ms"), microseconds(16700));
  EXPECT_EQ(parse_duration("250us"), microseconds(250));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("3ns"), nanoseconds(3));
  for (const char* bad :
       {"", "5", "ms", ".5ms", "5.ms", "-5ms", "5 ms", "5min", "99999999999999999999s", "3601s"})
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
}

TEST(Parse, WordsAndParts) {
  std::string_view line = "  a bb   c ";
  EXPECT_EQ(take_word(line), "a");
  EXPECT_EQ(take_word(line), "bb");
  EXPECT_EQ(take_word(line), "c");
  EXPECT_EQ(take_word(line), "");
  std::string_view parts = "x:fair";
  EXPECT_EQ(take_until(parts, ':'), "x");
  EXPECT_EQ(take_until(parts, ':'), "fair");
  EXPECT_EQ(take_until(parts, ':'), "");
  EXPECT_EQ(parse_number("42"), 42u);
  EXPECT_EQ(parse_number("4x"), std::nullopt);
  EXPECT_EQ(parse_number(""), std::nullopt);
}

}  // namespace
}  // namespace candor::kernel
