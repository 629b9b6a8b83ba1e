// The contract between a VM process and the tender it starts: what the tender
// finds in its descriptors, and what it is to build from them. Freestanding.
#pragma once

#include <cstdint>

#include "abi/candor.h"

namespace candor::process {

/// Descriptors of the tender at exec. All but the bells are closed before guest code runs.
enum TenderFd : int {
  kRamFd = 3,          // memfd: guest RAM, image already in it
  kAreaFd = 4,         // memfd: the shared area
  kBootFd = 5,         // TenderBoot, to be read from
  kSchedBellFd = 6,    // eventfd towards the host scheduler
  kMonitorBellFd = 7,  // eventfd towards the VM process; also says "ready"
};

constexpr unsigned kMaxSegments = 16;

/// A piece of RAM that the image fills; page-aligned.
struct Segment {
  std::uint64_t address;
  std::uint64_t bytes;
  std::uint64_t content_bytes;  // what follows is zero
  std::uint32_t writable;
  std::uint32_t executable;
};

struct TenderBoot {
  char name[16];  // of the process, zero-terminated
  std::uint64_t ram_bytes;
  std::uint64_t entry;
  std::uint32_t vcpu_count;
  std::uint32_t segment_count;
  Segment segments[kMaxSegments];
};

/// Address of the host-call function: the start of the tender's text (tender.ld).
constexpr std::uint64_t kCallEntry = 0x600000000000;

/// The word in the host page on which vCPU threads wait for the start.
constexpr std::uint64_t kGoOffset = 4092;
enum Go : std::uint32_t { kWait = 0, kWarmUp, kStart };

/// Exit statuses of the tender. Below kExitSetup the vCPU pages say why.
enum TenderExit : int {
  kExitShutdown = 0,
  kExitFault = 1,
  kExitRefused = 2,
  kExitSetup = 64,  // plus a Setup step: the host, not the guest, is at fault
};

enum class Setup : int {
  kReadBoot = 1,
  kMapArea,
  kMapRam,
  kProtect,
  kSignals,
  kAltStack,
  kTimer,
  kClone,
  kUnmap,
  kFilter,
  kBell,
  kGsBase,
};

}  // namespace candor::process
