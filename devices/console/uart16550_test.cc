#include "devices/console/uart16550.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace candor::devices {
namespace {

/// A line with a bounded send queue and a history.
struct Line {
  std::uint32_t limit = 1024;
  std::string sent;
  std::deque<std::uint8_t> incoming;

  [[nodiscard]] std::uint32_t room() const { return limit - static_cast<std::uint32_t>(sent.size()); }
  void put(std::uint8_t byte) {
    ASSERT_GT(room(), 0u);
    sent += static_cast<char>(byte);
  }
  [[nodiscard]] std::uint32_t waiting() const { return static_cast<std::uint32_t>(incoming.size()); }
  std::uint8_t take() {
    const std::uint8_t byte = incoming.front();
    incoming.pop_front();
    return byte;
  }
};

class Uart : public testing::Test {
 protected:
  using U = Uart16550;
  std::uint8_t in(unsigned port) { return uart_.read(port, line_); }
  void out(unsigned port, unsigned value) { uart_.write(port, static_cast<std::uint8_t>(value), line_); }
  void receive(std::string_view text) {
    for (const char c : text) line_.incoming.push_back(static_cast<std::uint8_t>(c));
  }
  Uart16550 uart_ = {};
  Line line_;
};

// The data sheet's table of registers after a reset, in 8.0.
TEST_F(Uart, StartsAsAfterAReset) {
  EXPECT_EQ(in(U::kInterruptEnable), 0);
  EXPECT_EQ(in(U::kInterruptIdentity), U::kNoInterrupt);
  EXPECT_EQ(in(U::kLineControl), 0);
  EXPECT_EQ(in(U::kModemControl), 0);
  EXPECT_EQ(in(U::kLineStatus), U::kHoldingEmpty | U::kTransmitterEmpty);
  EXPECT_EQ(in(U::kModemStatus)&0x0f, 0);
}

TEST_F(Uart, TheScratchRegisterKeepsWhatIsWritten) {
  for (const unsigned value : {0x5au, 0xa5u, 0u, 0xffu}) {
    out(U::kScratch, value);
    EXPECT_EQ(in(U::kScratch), value);
  }
}

TEST_F(Uart, TheDivisorStandsBehindTheFirstTwoPorts) {
  out(U::kInterruptEnable, 0x05);
  out(U::kLineControl, 0x83);
  out(U::kData, 0x34);
  out(U::kInterruptEnable, 0x12);
  EXPECT_EQ(in(U::kData), 0x34);
  EXPECT_EQ(in(U::kInterruptEnable), 0x12);
  EXPECT_EQ(line_.sent, "") << "nothing of it is sent";
  out(U::kLineControl, 0x03);
  EXPECT_EQ(in(U::kInterruptEnable), 0x05);
  out(U::kData, 'x');
  EXPECT_EQ(line_.sent, "x");
}

TEST_F(Uart, HoldingEmptyPromisesRoomForAFifo) {
  line_.limit = 17;
  EXPECT_NE(in(U::kLineStatus)&U::kHoldingEmpty, 0);
  out(U::kData, 'a');
  out(U::kData, 'b');
  EXPECT_NE(in(U::kLineStatus)&U::kHoldingEmpty, 0) << "without FIFOs, for one byte";
  out(U::kFifoControl, U::kFifoEnable);
  EXPECT_EQ(in(U::kLineStatus)&U::kHoldingEmpty, 0) << "15 are free";
  line_.limit = 18;
  EXPECT_NE(in(U::kLineStatus)&U::kHoldingEmpty, 0);
  for (int i = 0; i < 20; i++) out(U::kData, 'c');
  EXPECT_EQ(line_.sent, "ab" + std::string(16, 'c')) << "who does not wait loses";
}

TEST_F(Uart, ReceivesInOrderAndLosesNothingByClearing) {
  receive("abc");
  EXPECT_NE(in(U::kLineStatus)&U::kDataReady, 0);
  EXPECT_EQ(in(U::kData), 'a');
  out(U::kFifoControl, 0xc7);
  EXPECT_EQ(in(U::kData), 'b');
  out(U::kFifoControl, 0);
  EXPECT_EQ(in(U::kData), 'c');
  EXPECT_EQ(in(U::kLineStatus)&U::kDataReady, 0);
  EXPECT_EQ(in(U::kData), 0);
}

TEST_F(Uart, InterruptsForDataByTheTriggerLevel) {
  out(U::kInterruptEnable, U::kEnableData);
  EXPECT_FALSE(uart_.interrupts(line_));
  receive("a");
  EXPECT_FALSE(uart_.interrupts(line_)) << "OUT2 is off";
  out(U::kModemControl, U::kOut2);
  EXPECT_TRUE(uart_.listens());
  EXPECT_TRUE(uart_.interrupts(line_));
  EXPECT_EQ(in(U::kInterruptIdentity), U::kDataAvailable);
  out(U::kFifoControl, 0x40 | U::kFifoEnable);  // four
  EXPECT_EQ(in(U::kInterruptIdentity), U::kFifosEnabled | U::kDataTimeout);
  receive("bcd");
  EXPECT_EQ(in(U::kInterruptIdentity), U::kFifosEnabled | U::kDataAvailable);
  for (int i = 0; i < 4; i++) in(U::kData);
  EXPECT_FALSE(uart_.interrupts(line_));
}

TEST_F(Uart, InterruptsOnceForAnEmptyHoldingRegister) {
  out(U::kModemControl, U::kOut2);
  out(U::kInterruptEnable, U::kEnableHoldingEmpty);
  EXPECT_TRUE(uart_.interrupts(line_));
  EXPECT_EQ(in(U::kInterruptIdentity), U::kHoldingNowEmpty);
  EXPECT_EQ(in(U::kInterruptIdentity), U::kNoInterrupt) << "reading the register resets it (8.6)";
  out(U::kData, 'x');
  EXPECT_EQ(in(U::kInterruptIdentity), U::kHoldingNowEmpty);
  out(U::kInterruptEnable, 0);
  out(U::kInterruptEnable, U::kEnableHoldingEmpty);
  EXPECT_TRUE(uart_.interrupts(line_)) << "enabling it anew tells anew";
}

// 8.8
TEST_F(Uart, LoopsBackWithAFifoThatOverruns) {
  out(U::kFifoControl, U::kFifoEnable);
  out(U::kModemControl, U::kLoop | 0x0a);
  EXPECT_EQ(in(U::kModemStatus)&0xf0, 0x90) << "RTS and OUT2 come back as CTS and DCD";
  receive("outside");
  for (int i = 0; i < 17; i++) out(U::kData, static_cast<unsigned>('a' + i));
  EXPECT_EQ(line_.sent, "");
  const std::uint8_t status = in(U::kLineStatus);
  EXPECT_NE(status & U::kOverrun, 0);
  EXPECT_NE(status & U::kDataReady, 0);
  EXPECT_EQ(in(U::kLineStatus)&U::kOverrun, 0) << "reading it resets it";
  for (int i = 0; i < 16; i++) EXPECT_EQ(in(U::kData), 'a' + i);
  EXPECT_EQ(in(U::kLineStatus)&U::kDataReady, 0);
  out(U::kModemControl, 0);
  EXPECT_EQ(in(U::kData), 'o') << "what waited outside is still there";
}

TEST_F(Uart, ModemChangesAreToldOnce) {
  out(U::kModemControl, U::kLoop);
  in(U::kModemStatus);
  out(U::kModemControl, U::kLoop | 0x03);
  EXPECT_EQ(in(U::kModemStatus), 0x33);
  EXPECT_EQ(in(U::kModemStatus), 0x30);
}

struct Access {
  std::uint8_t port, value;
  bool write;
};

std::vector<Access> any_accesses() {
  std::vector<Access> accesses;
  for (const auto& [port, value, write] :
       *rc::gen::container<std::vector<std::tuple<std::uint8_t, std::uint8_t, bool>>>(
           rc::gen::tuple(rc::gen::inRange<std::uint8_t>(0, 8), rc::gen::arbitrary<std::uint8_t>(),
                          rc::gen::arbitrary<bool>())))
    accesses.push_back({port, value, write});
  return accesses;
}

// Hostile sequences, on a state that may be any bytes: output is what was written while it could be, and
// input what came, in order.
TEST(UartProperty, WhateverIsDoneToItLosesAndDoublesNothing) {
  EXPECT_TRUE(rc::check("hostile accesses", [] {
    Uart16550 uart;
    const auto memory =
        *rc::gen::container<std::vector<std::uint8_t>>(sizeof uart, rc::gen::arbitrary<std::uint8_t>());
    std::memcpy(static_cast<void*>(&uart), memory.data(), sizeof uart);
    Line line;
    line.limit = *rc::gen::inRange<std::uint32_t>(0, 40);
    std::string expected, came, read;
    const auto look = [&](unsigned port) { return uart.read(port, line); };
    // What is left of a loop from before would come first.
    uart.write(Uart16550::kFifoControl, 0, line);
    uart.write(Uart16550::kFifoControl, 3, line);
    for (const Access& access : any_accesses()) {
      if (*rc::gen::inRange(0, 4) == 0) {
        came += static_cast<char>(access.value);
        line.incoming.push_back(access.value);
      }
      const bool latch = (look(Uart16550::kLineControl) & 0x80) != 0;
      const bool loop = (look(Uart16550::kModemControl) & 0x10) != 0;
      const bool data = access.port == Uart16550::kData && !latch;
      if (access.write) {
        if (data && !loop && line.room() != 0) expected += static_cast<char>(access.value);
        // A change to loop-back and back could leave bytes of the loop, which are not the line's.
        uart.write(access.port, access.value, line);
        if (access.port == Uart16550::kModemControl) {
          uart.write(Uart16550::kFifoControl, 0, line);
          uart.write(Uart16550::kFifoControl, 1, line);
        }
      } else if (data && !loop && line.waiting() != 0) {
        RC_ASSERT((look(Uart16550::kLineStatus) & Uart16550::kDataReady) != 0);
        read += static_cast<char>(look(Uart16550::kData));
      } else {
        look(access.port);
      }
      RC_ASSERT(line.sent == expected);
      RC_ASSERT(read == came.substr(0, read.size()));
      RC_ASSERT(read.size() + line.incoming.size() == came.size());
    }
  }));
}

}  // namespace
}  // namespace candor::devices
