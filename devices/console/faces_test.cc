// Both faces of a console over one area: whoever reads at the other end sees one stream.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "devices/console/stream.h"
#include "devices/console/uart16550.h"

namespace candor::devices {
namespace {

/// An area, the registers, and the host's ends.
struct Console {
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(CANDOR_AREA_BYTES / 8);
  std::uint8_t* area = reinterpret_cast<std::uint8_t*>(words.data());
  candor_host_page& host = *reinterpret_cast<candor_host_page*>(area + CANDOR_OFF_HOST_PAGE);
  candor_guest_page& guest = *reinterpret_cast<candor_guest_page*>(area + CANDOR_OFF_GUEST_PAGE);
  GuestEnd end{area};
  Uart16550 uart = {};
  RingReader shown{guest.console_head, host.console_tail, area + CANDOR_OFF_CONSOLE, CANDOR_CONSOLE_BYTES};
  RingWriter typed{host.input_head, guest.input_tail, host.input, CANDOR_INPUT_BYTES};

  void print(std::uint8_t byte, bool by_ring) {
    if (by_ring)
      end.put(byte);
    else
      uart.write(Uart16550::kData, byte, end);
  }
  std::uint8_t read(bool by_ring) { return by_ring ? end.take() : uart.read(Uart16550::kData, end); }
};

TEST(Faces, AreOneStreamInBothDirections) {
  EXPECT_TRUE(rc::check("one stream", [] {
    Console console;
    // Anywhere in the rings, their ends and the end of their counts included.
    const auto start = *rc::gen::element<std::uint32_t>(0, CANDOR_CONSOLE_BYTES - 5, 0xfffffff0);
    console.guest.console_head = console.host.console_tail = start;
    console.host.input_head = console.guest.input_tail = start;
    std::string printed, shown, typed, read;
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6 * 256));
    for (const int step : steps) {
      const auto byte = static_cast<std::uint8_t>(step);
      const bool by_ring = step / 256 % 2 == 0;
      switch (step / 512) {
        case 0:
          if (console.end.room() == 0) break;
          console.print(byte, by_ring);
          printed += static_cast<char>(byte);
          break;
        case 1:
          if (console.typed.room() == 0) break;
          console.typed.put(byte);
          typed += static_cast<char>(byte);
          break;
        default:
          if (console.end.waiting() != 0) read += static_cast<char>(console.read(by_ring));
          if (byte % 8 == 0 && console.shown.waiting() != 0) shown += static_cast<char>(console.shown.take());
      }
    }
    while (console.shown.waiting() != 0) shown += static_cast<char>(console.shown.take());
    while (console.end.waiting() != 0) read += static_cast<char>(console.read(read.size() % 2 == 0));
    RC_ASSERT(shown == printed);
    RC_ASSERT(read == typed);
  }));
}

TEST(Faces, AFullRingTakesNothingByEither) {
  Console console;
  for (std::uint32_t i = 0; i < CANDOR_CONSOLE_BYTES; i++) console.print('x', i % 2 == 0);
  EXPECT_EQ(console.end.room(), 0u);
  EXPECT_EQ(console.uart.read(Uart16550::kLineStatus, console.end) & Uart16550::kHoldingEmpty, 0);
  console.print('y', false);
  EXPECT_EQ(console.guest.console_head, CANDOR_CONSOLE_BYTES);
}

TEST(Faces, WhateverTheOtherSideClaimsNothingOutsideIsTouched) {
  EXPECT_TRUE(rc::check("hostile words", [] {
    std::vector<std::uint8_t> memory(3 * 64, 0xee);
    auto head = *rc::gen::arbitrary<std::uint32_t>();
    auto tail = *rc::gen::arbitrary<std::uint32_t>();
    RingWriter writer(head, tail, memory.data() + 64, 64);
    RingReader reader(head, tail, memory.data() + 64, 64);
    const auto steps = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
    for (const std::uint8_t step : steps) {
      RC_ASSERT(writer.room() <= 64u);
      RC_ASSERT(reader.waiting() <= 64u);
      if (step % 4 == 0) head = *rc::gen::arbitrary<std::uint32_t>();
      if (step % 4 == 1) tail = *rc::gen::arbitrary<std::uint32_t>();
      if (step % 4 == 2 && writer.room() != 0) writer.put(step);
      if (step % 4 == 3 && reader.waiting() != 0) reader.take();
    }
    for (std::size_t i = 0; i < 64; i++) RC_ASSERT(memory[i] == 0xee && memory[128 + i] == 0xee);
  }));
}

}  // namespace
}  // namespace candor::devices
