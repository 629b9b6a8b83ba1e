#include "guest/hardware/acpi.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace candor::hardware {
namespace {

constexpr std::size_t kBytes = 1 << 16, kRsdp = 0x1000, kRoot = 0x2000, kMadt = 0x3000, kFadt = 0x4000,
                      kDsdt = 0x5000;

/// A machine's tables: four processors of which one is off, one I/O APIC, a fixed power button.
class Firmware {
 public:
  Firmware() : memory(kBytes) {
    std::string madt = words<std::uint32_t>({0xfee00000, 1});
    for (std::uint8_t i = 0; i < 4; i++)
      madt += std::string{0, 8, static_cast<char>(i), static_cast<char>(i * 2)} +
              words<std::uint32_t>({i == 2 ? 0u : 1u});
    madt += std::string{1, 12, 0, 0} + words<std::uint32_t>({0xfec00000, 0});
    madt +=
        std::string{2, 10, 0, 9} + words<std::uint32_t>({20}) + words<std::uint16_t>({0xf});  // low, level
    table(kMadt, "APIC", madt);

    std::string fadt(129 - 36, 0);
    set<std::uint32_t>(fadt, 40, kDsdt);
    set<std::uint16_t>(fadt, 46, 9);
    set<std::uint32_t>(fadt, 56, 0x600);
    set<std::uint32_t>(fadt, 64, 0x604);
    set<std::uint32_t>(fadt, 76, 0x608);
    set<std::uint8_t>(fadt, 88, 4);
    set<std::uint8_t>(fadt, 91, 4);
    table(kFadt, "FACP", fadt);
    table(kDsdt, "DSDT",
          std::string("\x10\x08_S5_", 6) + std::string("\x08_S5_\x12\x06\x04\x0a\x05\x0a\x06\x00\x00", 14));
    roots({kMadt, kFadt});
  }

  void roots(std::initializer_list<std::uint32_t> tables) {
    table(kRoot, "RSDT", words(std::vector<std::uint32_t>(tables)));
    std::memcpy(&memory[kRsdp], "RSD PTR ", 8);
    memory[kRsdp + 8] = 0;
    const std::uint32_t root = kRoot;
    std::memcpy(&memory[kRsdp + 16], &root, 4);
    fix_checksum(kRsdp, 20, kRsdp + 8);
  }
  void table(std::size_t at, const char* name, const std::string& content) {
    std::memcpy(&memory[at], name, 4);
    const auto bytes = static_cast<std::uint32_t>(36 + content.size());
    std::memcpy(&memory[at + 4], &bytes, 4);
    std::memcpy(&memory[at + 36], content.data(), content.size());
    fix_checksum(at, bytes, at + 9);
  }
  Result<Machine, AcpiError> read(std::uint64_t rsdp = kRsdp) const {
    return read_acpi(memory.data(), kBytes, rsdp);
  }

  template <typename T>
  static std::string words(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
  }
  template <typename T>
  static void set(std::string& table, std::size_t offset, T value) {
    std::memcpy(&table[offset - 36], &value, sizeof value);
  }

  std::vector<char> memory;

 private:
  void fix_checksum(std::size_t at, std::size_t bytes, std::size_t where) {
    memory[where] = 0;
    unsigned sum = 0;
    for (std::size_t i = 0; i < bytes; i++) sum += static_cast<unsigned char>(memory[at + i]);
    memory[where] = static_cast<char>(-static_cast<int>(sum));
  }
};

TEST(Acpi, TellsProcessorsControllersAndPower) {
  auto m = Firmware().read();
  ASSERT_TRUE(m.ok());
  ASSERT_EQ(m->processors, 3u);
  EXPECT_EQ(m->apic_ids[2], 6u);
  EXPECT_TRUE(m->old_interrupt_controllers);
  ASSERT_EQ(m->io_apic_count, 1u);
  EXPECT_EQ(m->io_apics[0].address, 0xfec00000u);
  EXPECT_EQ(m->isa[4].gsi, 4u);
  EXPECT_FALSE(m->isa[4].level);
  EXPECT_EQ(m->isa[9].gsi, 20u);
  EXPECT_TRUE(m->isa[9].level);
  EXPECT_TRUE(m->isa[9].active_low);
  EXPECT_EQ(m->sci, 9u);
  EXPECT_EQ(m->pm_timer, 0x608u);
  EXPECT_TRUE(m->power_button);
  ASSERT_TRUE(m->can_power_off);
  EXPECT_EQ(m->s5_type_a, 5);
  EXPECT_EQ(m->s5_type_b, 6);
}

TEST(Acpi, WithoutItsTablesAnErrorSaysWhatIsMissing) {
  Firmware f;
  EXPECT_EQ(f.read(0x8000).error(), AcpiError::kNoRootPointer);
  EXPECT_EQ(f.read(kBytes - 4).error(), AcpiError::kNoRootPointer);
  f.memory[kRoot + 40] ^= 1;
  EXPECT_EQ(f.read().error(), AcpiError::kBadChecksum);
  Firmware g;
  g.memory[kMadt + 50] ^= 1;
  EXPECT_EQ(g.read().error(), AcpiError::kNoMadt);
  Firmware h;
  h.roots({kMadt});
  ASSERT_TRUE(h.read().ok());
  EXPECT_FALSE(h.read()->can_power_off);
}

TEST(Acpi, MoreProcessorsThanThereIsRoomForAreCounted) {
  Firmware f;
  std::string madt = Firmware::words<std::uint32_t>({0xfee00000, 0});
  for (std::uint32_t i = 0; i < 70; i++)
    madt += std::string{9, 16, 0, 0} + Firmware::words<std::uint32_t>({i, 1, i});
  f.table(kMadt, "APIC", madt);
  auto m = f.read();
  ASSERT_TRUE(m.ok());
  EXPECT_EQ(m->processors, 64u);
  EXPECT_EQ(m->processors_left_out, 6u);
}

TEST(Acpi, PowerOffIsFoundInAllItsForms) {
  std::uint8_t a = 0, b = 0;
  const auto find = [&](const std::string& aml) { return find_s5(aml.data(), aml.size(), a, b); };
  EXPECT_TRUE(find(std::string("\x08\\_S5_\x12\x0a\x04\x00\x01\x00\x00", 13)));
  EXPECT_EQ(a, 0);
  EXPECT_EQ(b, 1);
  EXPECT_TRUE(find(std::string("\x08_S5_\x12\x40\x10\x02\x0a\x07\x0a\x07", 13)));  // a length of two bytes
  EXPECT_EQ(a, 7);
  EXPECT_FALSE(find(std::string("_S5_\x12\x06\x04\x0a\x05\x0a\x05", 11)));      // not a name
  EXPECT_FALSE(find(std::string("\x08_S5_\x12\x06\x04\x0b\x05\x0a\x05", 12)));  // a word: not of that kind
  EXPECT_FALSE(find("\x08_S5_\x12"));                                           // cut off
}

// Under a sanitizer this shows that nothing is read beyond what there is.
TEST(Acpi, WhateverTablesHoldIsReadWithinThem) {
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; round++) {
    Firmware f;
    for (int i = 0; i < 8; i++) {
      const std::size_t table = std::vector<std::size_t>{kRoot, kMadt, kFadt, kDsdt}[random() % 4];
      const std::uint32_t bytes = static_cast<unsigned char>(f.memory[table + 4]) |
                                  static_cast<unsigned char>(f.memory[table + 5]) << 8;
      if (bytes < 37) continue;
      std::string content(&f.memory[table + 36], bytes - 36);
      content[random() % content.size()] = static_cast<char>(random());
      if (random() % 4 == 0) content.resize(random() % (content.size() + 1));
      f.table(table, std::string(&f.memory[table], 4).c_str(), content);
    }
    auto m = f.read();
    ASSERT_TRUE(!m.ok() || m->processors <= Machine::kMostProcessors);
  }
}

}  // namespace
}  // namespace candor::hardware
