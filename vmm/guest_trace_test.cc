#include "vmm/guest_trace.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

namespace candor::vmm {
namespace {

constexpr std::uint64_t kRam = 1 << 20;
constexpr std::uint64_t kAt = CANDOR_RAM_BASE + 0x5430;
constexpr std::uint32_t kRoom = 8;
constexpr std::uint64_t kAny = 1000;

/// Plays the guest, honest or not.
class GuestTraceTest : public testing::Test {
 protected:
  GuestTraceTest() {
    memory_ = std::move(make_vm_memory(kRam).value());
    area_ = std::make_unique<Area>(std::move(Area::map(Fd(dup(memory_.area.get()))).value()));
    ram_ = static_cast<std::uint8_t*>(
        mmap(nullptr, kRam, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.ram.get(), 0));
    open_reader();
  }
  /// One that knows nothing yet.
  void open_reader() {
    VmMemory memory = {.area = Fd(dup(memory_.area.get())), .ram = Fd(dup(memory_.ram.get()))};
    reader_ = std::make_unique<GuestTraceReader>(
        std::move(GuestTraceReader::open(std::move(memory), kRam, 3).value()));
  }
  ~GuestTraceTest() override { munmap(ram_, kRam); }

  candor_guest_vcpu& page(std::uint32_t vcpu = 0) { return area_->vcpu(vcpu); }
  void announce(std::uint64_t at, std::uint32_t records, std::uint32_t vcpu = 0) {
    page(vcpu).trace_records = records;
    page(vcpu).trace_at = at;
  }
  /// Number n has n in all its fields.
  void write(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t n = from; n < to; ++n) {
      auto* words = reinterpret_cast<std::uint64_t*>(ram_ + (kAt - CANDOR_RAM_BASE) + n % kRoom * 16);
      __atomic_thread_fence(__ATOMIC_RELEASE);
      __atomic_store_n(words, n, __ATOMIC_RELAXED);
      __atomic_store_n(words + 1, n & 0xffffffff, __ATOMIC_RELAXED);
      store(page().trace_next, n + 1);
    }
  }
  /// Whole, and in order up to the end.
  static void expect_records(const GuestTraceReader::News& news, std::uint64_t first, std::uint64_t end) {
    ASSERT_EQ(news.records.size(), end - first);
    for (std::uint64_t i = 0; i < news.records.size(); ++i) {
      ASSERT_EQ(news.records[i].time_ns, first + i);
      ASSERT_EQ(news.records[i].argument, first + i);
    }
  }
  void expect_given_up(std::uint32_t vcpu = 0) {
    const auto news = reader_->take(vcpu, kAny);
    EXPECT_TRUE(news.wrong);
    EXPECT_TRUE(news.records.empty());
    announce(kAt, kRoom, vcpu);
    const auto again = reader_->take(vcpu, kAny);
    EXPECT_FALSE(again.wrong) << "it is said once";
    EXPECT_TRUE(again.records.empty()) << "and for good";
  }

  VmMemory memory_;
  std::unique_ptr<Area> area_;
  std::uint8_t* ram_ = nullptr;
  std::unique_ptr<GuestTraceReader> reader_;
};

TEST_F(GuestTraceTest, AGuestWithoutOneHasNone) {
  page().trace_next = 77;
  page().trace_records = 99;
  const auto news = reader_->take(0, kAny);
  EXPECT_TRUE(news.records.empty());
  EXPECT_EQ(news.lost, 0u);
  EXPECT_FALSE(news.wrong);
}

TEST_F(GuestTraceTest, RecordsComeOnceAndWhatIsOverwrittenIsCounted) {
  announce(kAt, kRoom);
  write(0, 5);
  expect_records(reader_->take(0, kAny), 0, 5);
  expect_records(reader_->take(0, kAny), 5, 5);
  write(5, 11);  // across the end of the ring
  auto news = reader_->take(0, kAny);
  EXPECT_EQ(news.lost, 0u);
  expect_records(news, 5, 11);
  write(11, 31);
  news = reader_->take(0, kAny);
  // Of the eight that lie there the oldest might be under way.
  EXPECT_EQ(news.lost, 13u);
  expect_records(news, 24, 31);
  write(31, 36);
  news = reader_->take(0, 2);
  EXPECT_EQ(news.lost, 3u) << "those that somebody did not want";
  expect_records(news, 34, 36);
}

TEST_F(GuestTraceTest, TheLastRecordsOfRamAreReachable) {
  announce(CANDOR_RAM_BASE + kRam - kRoom * sizeof(candor_trace), kRoom);
  page().trace_next = 3;
  const auto news = reader_->take(0, kAny);
  EXPECT_FALSE(news.wrong);
  EXPECT_EQ(news.records.size(), 3u);
}

TEST_F(GuestTraceTest, WhatCannotBeIsGivenUpAndTheOthersAreRead) {
  const std::uint64_t end = CANDOR_RAM_BASE + kRam;
  const struct {
    std::uint64_t at;
    std::uint32_t records;
  } wrongs[] = {{kAt + 8, kRoom},
                {16, kRoom},
                {CANDOR_RAM_BASE - 16, kRoom},
                {end, kRoom},
                {end - 16 * kRoom + 16, kRoom},
                {~0ull - 15, kRoom},
                {~0ull - 15, 1},
                {CANDOR_AREA_BASE, kRoom},
                {kAt, 0},
                {kAt, 7},
                {kAt, ~0u},
                {kAt, 1u << 31},
                {CANDOR_RAM_BASE, CANDOR_MAX_TRACE_RECORDS * 2},
                {kAt, CANDOR_MAX_TRACE_RECORDS}};
  announce(kAt, kRoom);
  write(0, 5);
  for (const auto& wrong : wrongs) {
    SCOPED_TRACE(testing::Message() << std::hex << wrong.at << ", " << wrong.records);
    open_reader();
    announce(wrong.at, wrong.records, 1);
    page(1).trace_next = 100;
    expect_given_up(1);
    expect_records(reader_->take(0, kAny), 0, 5);
  }
}

TEST_F(GuestTraceTest, ACountThatGoesBackIsGivenUp) {
  announce(kAt, kRoom);
  write(0, 20);
  (void)reader_->take(0, kAny);
  page().trace_next = 19;
  expect_given_up();
}

TEST_F(GuestTraceTest, PlaceAndSizeAreTakenOnce) {
  announce(kAt, kRoom);
  write(0, 5);
  (void)reader_->take(0, kAny);
  announce(~0ull, ~0u);
  write(5, 9);
  expect_records(reader_->take(0, kAny), 5, 9);
}

TEST_F(GuestTraceTest, NoCountMakesItReadMoreThanTheRing) {
  announce(kAt, kRoom);
  for (const std::uint64_t next : {1ull << 20, 1ull << 63, ~0ull}) {
    page().trace_next = next;
    const auto news = reader_->take(0, ~0ull);
    EXPECT_FALSE(news.wrong);
    EXPECT_EQ(news.records.size(), kRoom - 1);
  }
}

TEST_F(GuestTraceTest, WhatIsCopiedWhileItIsWrittenIsWhole) {
  constexpr std::uint64_t kAll = 200'000;
  announce(kAt, kRoom);
  std::thread writer([&] { write(0, kAll); });
  std::uint64_t seen = 0, read = 0;
  while (seen < kAll) {
    const auto news = reader_->take(0, kAny);
    ASSERT_FALSE(news.wrong);
    seen += news.lost;
    expect_records(news, seen, seen + news.records.size());
    if (HasFatalFailure()) break;
    seen += news.records.size();
    read += news.records.size();
  }
  writer.join();
  EXPECT_EQ(seen, kAll) << "each is read or counted as lost";
  EXPECT_GT(read, 0u);
}

TEST_F(GuestTraceTest, AGuestThatChangesEverythingMeanwhileHarmsNobody) {
  constexpr unsigned kSeed = 20;
  std::atomic<bool> over{false};
  std::thread guest([&] {
    std::mt19937_64 random(kSeed);
    while (!over) {
      const std::uint64_t values[] = {0, kAt, ~0ull, random(), CANDOR_RAM_BASE + random() % kRam};
      for (std::uint32_t v = 0; v < 3; ++v) {
        store(page(v).trace_at, values[random() % 5]);
        store(page(v).trace_records, static_cast<std::uint32_t>(1ull << random() % 33));
        store(page(v).trace_next, values[random() % 5]);
      }
    }
  });
  for (int i = 0; i < 2000; ++i)
    for (std::uint32_t v = 0; v < 3; ++v) EXPECT_LE(reader_->take(v, 100).records.size(), 100u);
  over = true;
  guest.join();
}

TEST_F(GuestTraceTest, NamesAreMadePrintable) {
  std::memcpy(area_->thread(3).name, "lo\x1bop\xff", 6);
  std::memset(area_->thread(4).name, 'x', CANDOR_NAME_BYTES);
  EXPECT_EQ(reader_->thread_name(3), "lo?op?");
  EXPECT_EQ(reader_->thread_name(4), std::string(CANDOR_NAME_BYTES, 'x'));
  EXPECT_EQ(reader_->thread_name(5), "");
  EXPECT_EQ(reader_->thread_name(CANDOR_MAX_THREADS), "");
}

}  // namespace
}  // namespace candor::vmm
