// Finding a hypervisor that hides by how long things take, compared with recorded results. Pure; tested on
// the host.
//
// Times are in thousandths of a chain: what 100 multiplications take that wait for each other, measured next
// to what is timed. So neither the time-stamp counter's frequency nor the processor's counts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "guest/detect/verdict.h"

namespace candor::detect {

enum Probe : std::uint8_t {
  kProbeCpuid,   // CPUID: by VMX it always exits (Intel SDM volume 3C, "Instructions That Cause VM Exits
                 // Unconditionally"), by SVM where the hypervisor wants to show or hide anything
  kProbeString,  // 4 KiB copied by one instruction: slow where instructions are emulated
  kProbeXsetbv,  // privileged: XSETBV with the value that is there; by VMX it always exits
  kProbeMsr,     // privileged: RDMSR of the local APIC's base
  kProbeWake,  // from a thread's last instruction before a timer comes to the first of the one that it wakes
  kProbes
};
extern const char* const kProbeNames[kProbes];

/// The 10th, 50th and 90th percentile; of a reference the least, the middle and the greatest of them that its
/// rounds had. All 0: not measured.
struct Spread {
  std::uint32_t low = 0, middle = 0, high = 0;

  [[nodiscard]] bool measured() const { return middle != 0; }
};
/// Sorts them in place. At least 1 throughout, unless there are none.
Spread spread_of(std::span<std::uint32_t> samples);

/// Where it was measured: what a timer does to a thread is another thing where a host's kernel is between.
enum class Privilege : std::uint8_t { kUser, kKernel, kAny };

struct TimingObservation {
  Privilege privilege = Privilege::kUser;
  Spread spreads[kProbes] = {};
};

/// A recorded result.
struct Reference {
  const char* name;
  HostKind kind;
  Privilege privilege;
  Spread spreads[kProbes];
};
/// Those that ship with the kernel (recorded.inc).
std::span<const Reference> recorded();

/// How far the 10th percentiles that were seen, since what disturbs only adds, lie outside of what was
/// recorded: root of the mean square over the probes that both have, in 64ths of an octave. Nothing where the
/// two cannot be compared.
std::optional<std::uint32_t> distance(const TimingObservation& seen, const Reference& reference);

/// The kind of the nearest reference; at most likely, and that only if it is near and all others of another
/// kind are much further away. Unknown if even the nearest is far.
Finding by_timing(const TimingObservation& seen, std::span<const Reference> references);

}  // namespace candor::detect
