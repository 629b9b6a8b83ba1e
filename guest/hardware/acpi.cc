#include "guest/hardware/acpi.h"

#include <string_view>

#include "guest/hardware/bytes.h"

namespace candor::hardware {
namespace {

constexpr std::size_t kHeaderBytes = 36;

class Tables {
 public:
  Tables(const char* memory, std::uint64_t limit) : memory_(memory), limit_(limit) {}

  [[nodiscard]] bool has(std::uint64_t at, std::uint64_t bytes) const {
    return at != 0 && at < limit_ && bytes <= limit_ - at;
  }
  [[nodiscard]] const char* bytes_at(std::uint64_t at) const { return memory_ + at; }
  /// A whole table whose checksum is right, or null.
  [[nodiscard]] const char* table(std::uint64_t at) const {
    if (!has(at, kHeaderBytes)) return nullptr;
    const auto bytes = read_bytes<std::uint32_t>(memory_ + at + 4);
    return bytes >= kHeaderBytes && has(at, bytes) && sums_to_zero(memory_ + at, bytes) ? memory_ + at
                                                                                        : nullptr;
  }
  static bool sums_to_zero(const char* at, std::size_t bytes) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < bytes; i++) sum += static_cast<unsigned char>(at[i]);
    return (sum & 0xff) == 0;
  }

 private:
  const char* memory_;
  std::uint64_t limit_;
};

std::string_view signature(const char* table) {
  return {table, 4};
}
std::uint32_t length(const char* table) {
  return read_bytes<std::uint32_t>(table + 4);
}

bool is_rsdp(const char* at) {
  return std::string_view(at, 8) == "RSD PTR " && Tables::sums_to_zero(at, 20);
}

/// 5.2.5.1: the first KiB of the extended BIOS data area, then the BIOS's own ROM.
std::uint64_t look_for_rsdp(const Tables& tables) {
  std::uint64_t ebda = 0;
  if (tables.has(0x40e, 2)) ebda = std::uint64_t{read_bytes<std::uint16_t>(tables.bytes_at(0x40e))} << 4;
  const std::uint64_t places[][2] = {{ebda, ebda + 1024}, {0xe0000, 0x100000}};
  for (const auto& [from, to] : places)
    for (std::uint64_t at = from; at != 0 && at < to; at += 16)
      if (tables.has(at, 20) && is_rsdp(tables.bytes_at(at))) return at;
  return 0;
}

// 5.2.12.
void read_madt(const char* madt, Machine& machine) {
  constexpr std::uint8_t kLocal = 0, kIo = 1, kOverride = 2, kLocalAddress = 5, kLocalX2 = 9;
  machine.local_apic = read_bytes<std::uint32_t>(madt + 36);
  machine.old_interrupt_controllers = (read_bytes<std::uint32_t>(madt + 40) & 1) != 0;
  const auto add_processor = [&](std::uint32_t id, std::uint32_t flags) {
    if ((flags & 1) == 0) return;  // those that might be plugged in later
    if (machine.processors == Machine::kMostProcessors)
      machine.processors_left_out++;
    else
      machine.apic_ids[machine.processors++] = id;
  };
  const char* const end = madt + length(madt);
  for (const char* e = madt + 44; end - e >= 2;) {
    const auto type = static_cast<std::uint8_t>(e[0]), bytes = static_cast<std::uint8_t>(e[1]);
    if (bytes < 2 || bytes > end - e) break;
    if (type == kLocal && bytes >= 8) {
      add_processor(static_cast<std::uint8_t>(e[3]), read_bytes<std::uint32_t>(e + 4));
    } else if (type == kLocalX2 && bytes >= 16) {
      add_processor(read_bytes<std::uint32_t>(e + 4), read_bytes<std::uint32_t>(e + 8));
    } else if (type == kIo && bytes >= 12 && machine.io_apic_count < machine.io_apics.size()) {
      machine.io_apics[machine.io_apic_count++] = {read_bytes<std::uint32_t>(e + 4),
                                                   read_bytes<std::uint32_t>(e + 8)};
    } else if (type == kOverride && bytes >= 10 && static_cast<std::uint8_t>(e[3]) < machine.isa.size()) {
      const auto flags = read_bytes<std::uint16_t>(e + 8);
      machine.isa[static_cast<std::uint8_t>(e[3])] = {.gsi = read_bytes<std::uint32_t>(e + 4),
                                                      .active_low = (flags & 3) == 3,
                                                      .level = (flags >> 2 & 3) == 3};
    } else if (type == kLocalAddress && bytes >= 12) {
      machine.local_apic = read_bytes<std::uint64_t>(e + 4);
    }
    e += bytes;
  }
}

// 5.2.9.
void read_fadt(const Tables& tables, const char* fadt, Machine& machine) {
  const std::uint32_t bytes = length(fadt);
  if (bytes < 116) return;
  machine.sci = read_bytes<std::uint16_t>(fadt + 46);
  machine.smi_command = read_bytes<std::uint32_t>(fadt + 48);
  machine.acpi_enable = static_cast<std::uint8_t>(fadt[52]);
  machine.pm1a_event = read_bytes<std::uint32_t>(fadt + 56);
  machine.pm1b_event = read_bytes<std::uint32_t>(fadt + 60);
  machine.pm1a_control = read_bytes<std::uint32_t>(fadt + 64);
  machine.pm1b_control = read_bytes<std::uint32_t>(fadt + 68);
  machine.pm1_event_bytes = static_cast<std::uint8_t>(fadt[88]);
  if (static_cast<std::uint8_t>(fadt[91]) >= 4) machine.pm_timer = read_bytes<std::uint32_t>(fadt + 76);
  const auto flags = read_bytes<std::uint32_t>(fadt + 112);
  machine.power_button = (flags & 1 << 4) == 0;
  machine.pm_timer_is_32_bits = (flags & 1 << 8) != 0;
  std::uint64_t dsdt = read_bytes<std::uint32_t>(fadt + 40);
  if (bytes >= 148 && read_bytes<std::uint64_t>(fadt + 140) != 0)
    dsdt = read_bytes<std::uint64_t>(fadt + 140);
  if (const char* block = tables.table(dsdt))
    machine.can_power_off =
        find_s5(block + kHeaderBytes, length(block) - kHeaderBytes, machine.s5_type_a, machine.s5_type_b);
}

}  // namespace

bool find_s5(const char* aml, std::size_t bytes, std::uint8_t& type_a, std::uint8_t& type_b) {
  constexpr std::uint8_t kName = 0x08, kPackage = 0x12, kZero = 0x00, kOne = 0x01, kByte = 0x0a;
  const auto at = [&](std::size_t i) {
    return i < bytes ? static_cast<std::uint8_t>(aml[i]) : std::uint8_t{0xff};
  };
  for (std::size_t i = 1; i + 4 < bytes; i++) {
    if (std::string_view(aml + i, 4) != "_S5_") continue;
    const bool named = at(i - 1) == kName || (at(i - 1) == '\\' && i >= 2 && at(i - 2) == kName);
    if (!named || at(i + 4) != kPackage) continue;
    std::size_t from = i + 5;
    from += 1 + (at(from) >> 6);  // its length, in one to four bytes (20.2.4)
    const std::uint8_t elements = at(from++);
    std::uint8_t values[2] = {};
    bool found = elements >= 1;
    for (std::uint8_t e = 0; e < 2 && e < elements; e++) {
      const std::uint8_t prefix = at(from++);
      if (prefix == kByte)
        values[e] = at(from++);
      else if (prefix == kZero || prefix == kOne)
        values[e] = prefix;
      else
        found = false;
    }
    if (!found) continue;
    type_a = values[0] & 7;
    type_b = values[1] & 7;
    return true;
  }
  return false;
}

Result<Machine, AcpiError> read_acpi(const char* memory, std::uint64_t limit, std::uint64_t rsdp) {
  const Tables tables(memory, limit);
  if (rsdp == 0) rsdp = look_for_rsdp(tables);
  if (!tables.has(rsdp, 36) || std::string_view(tables.bytes_at(rsdp), 8) != "RSD PTR ")
    return Error{AcpiError::kNoRootPointer};
  const char* pointer = tables.bytes_at(rsdp);
  if (!is_rsdp(pointer)) return Error{AcpiError::kBadChecksum};
  const bool extended = pointer[15] >= 2 && read_bytes<std::uint64_t>(pointer + 24) != 0;
  const char* root = tables.table(extended ? read_bytes<std::uint64_t>(pointer + 24)
                                           : read_bytes<std::uint32_t>(pointer + 16));
  if (root == nullptr) return Error{AcpiError::kBadChecksum};

  Machine machine;
  for (std::uint32_t i = 0; i < machine.isa.size(); i++) machine.isa[i].gsi = i;
  bool madt = false;
  const char* fadt = nullptr;
  const std::size_t entry_bytes = extended ? 8 : 4;
  for (const char* e = root + kHeaderBytes; e + entry_bytes <= root + length(root); e += entry_bytes) {
    const char* table = tables.table(extended ? read_bytes<std::uint64_t>(e) : read_bytes<std::uint32_t>(e));
    if (table == nullptr) continue;
    if (signature(table) == "APIC" && length(table) >= 44) {
      read_madt(table, machine);
      madt = true;
    }
    if (signature(table) == "FACP") fadt = table;
  }
  if (!madt) return Error{AcpiError::kNoMadt};
  if (fadt != nullptr) read_fadt(tables, fadt, machine);
  return machine;
}

}  // namespace candor::hardware
