// Runs a guest image on a machine of its own: QEMU's emulated one.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace candor::e2e {

struct MachineOptions {
  int processors = 1;
  int memory_mib = 64;
  std::string cmdline;
  std::string cpu = "max";
  /// The power button is pressed so long after the guest has said where it is; zero: never. The machine then
  /// is to switch itself off.
  std::chrono::milliseconds press_power_after{0};
  /// Comes at the serial port once the guest has said where it is. Not together with the button.
  std::string input;
};

struct MachineOutcome {
  bool ended = false;  // by itself, within 60 s
  int code = -1;       // what the guest ended with; 0 also if it switched the machine off
  std::string console;
};

/// `image`: a file; or, with a name that ends in .iso, a disc to start from.
MachineOutcome run_on_machine(const std::string& image, const MachineOptions& options);

/// The built guest of that name.
std::string guest_image(std::string_view name);

/// Why there is no machine to be had; "" if there is.
std::string machine_missing();

}  // namespace candor::e2e

/// An emulated machine.
#define CANDOR_NEEDS_MACHINE()                                          \
  do {                                                                  \
    const std::string missing = candor::e2e::machine_missing();         \
    if (!missing.empty()) GTEST_SKIP() << "needs machine: " << missing; \
  } while (false)
