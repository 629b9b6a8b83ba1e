#include "guest/detect/detect.h"

#include <atomic>

#include "guest/clock.h"
#include "guest/console.h"
#include "guest/detect/cpuid_leaves.h"
#include "guest/hardware/registers.h"
#include "guest/thread.h"
#include "guest/vcpu.h"

namespace candor::detect {
namespace {

using kernel::kernel;

constexpr std::size_t kPairs = 101;  // of a probe and a chain
constexpr std::size_t kWakes = 41;
constexpr Duration kBetweenWakes = microseconds(250);
constexpr std::size_t kStringBytes = 4096;

/// The time-stamp counter, once all before is done and before anything after begins.
std::uint64_t read_tsc_in_order() {
  std::uint32_t low, high;
  __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high)::"memory");
  return std::uint64_t{high} << 32 | low;
}

volatile std::uint64_t factor = 3;  // in memory: an emulator computes what follows from constants only once

void do_chain(void* /*unused*/) {
  std::uint64_t x = factor;
  __asm__ volatile(
      ".rept 100\n\t"
      "imul %0, %0\n\t"
      ".endr"
      : "+r"(x));
  factor = x;
}

void do_cpuid(void* /*unused*/) {
  static_cast<void>(kernel::cpuid(0));
}

/// `memory`: twice kStringBytes.
void do_string(void* memory) {
  void* to = memory;
  const void* from = static_cast<char*>(memory) + kStringBytes;
  std::size_t words = kStringBytes / 8;
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
}

void do_xsetbv(void* /*unused*/) {
  std::uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  __asm__ volatile("xsetbv" ::"a"(low), "d"(high), "c"(0));
}

void do_msr(void* /*unused*/) {
  static_cast<void>(hardware::read_msr(hardware::kApicBase));
}

/// With what reading the counter and the call take, in both of what is compared. Taken off it would leave
/// little of what an emulator does quickly, and noise.
std::uint64_t ticks_of(void (*instruction)(void*), void* argument = nullptr) {
  // All are called, none is inlined: an emulator takes as long for a call as for many multiplications.
  __asm__("" : "+r"(instruction));
  const std::uint64_t begin = read_tsc_in_order();
  instruction(argument);
  return read_tsc_in_order() - begin;
}

std::uint32_t in_chains(std::uint64_t ticks, std::uint64_t chain) {
  constexpr std::uint64_t kMost = ~std::uint32_t{0};
  if (ticks > kMost)
    return static_cast<std::uint32_t>(kMost);  // a second or more: somebody took the processor
  const std::uint64_t chains = ticks * 1000 / chain;
  return static_cast<std::uint32_t>(chains < kMost ? chains : kMost);
}

/// What the two threads of time_wakes() share.
struct Wakes {
  std::uint32_t samples[kWakes];
  std::size_t count = 0;
  std::atomic<std::uint64_t> last{0};  // when the watcher looked
  std::atomic<bool> done{false};
};

/// Two threads on one vCPU: one reads the counter without end, the other sleeps, and at each wake-up looks
/// how long ago the first one did so last.
Spread time_wakes() {
  Wakes wakes;
  const Thread watcher = Thread::create("detect", Terms::background().on(1), [&wakes] {
    while (!wakes.done.load(std::memory_order_relaxed))
      wakes.last.store(kernel::read_tsc(), std::memory_order_relaxed);
  });
  const Thread sleeper = Thread::create("detect/2", Terms::fair().on(1), [&wakes] {
    for (std::size_t i = 0; i < kWakes; i++) {
      const std::uint64_t slept_at = kernel::read_tsc();
      this_thread::sleep_for(kBetweenWakes);
      const std::uint64_t woken_at = kernel::read_tsc(), seen = wakes.last.load(std::memory_order_relaxed);
      const std::uint64_t chain = ticks_of(do_chain);
      if (seen > slept_at && woken_at > seen && chain != 0)
        wakes.samples[wakes.count++] = in_chains(woken_at - seen, chain);
    }
  });
  sleeper.join();
  wakes.done = true;
  watcher.join();
  return spread_of({wakes.samples, wakes.count});
}

Finding found_by_cpuid, found_by_timing;  // nothing, as long as it was not looked

void report(std::string_view how, const Finding& finding, Duration took) {
  print("candor: by {}: {}, {}: {}; {}\n", how, name_of(finding), name_of(finding.sure),
        finding.evidence.view(), took);
}

}  // namespace

Verdict verdict() {
  const bool asked = kernel::detect_methods == 0 || (kernel::detect_methods & kVmcpuid) != 0;
  const Finding all[] = {asked ? by_vmcpuid(kernel::vmcpuid_seen) : Finding(), found_by_cpuid,
                         found_by_timing};
  return combine(all);
}

Spread time_instruction(void (*instruction)(void*), void* argument) {
  std::uint32_t samples[kPairs];
  std::size_t count = 0;
  for (std::size_t i = 0; i < kPairs; i++) {
    const std::uint64_t chain = ticks_of(do_chain);
    const std::uint64_t ticks = ticks_of(instruction, argument);
    if (chain != 0) samples[count++] = in_chains(ticks, chain);
  }
  return spread_of({samples, count});
}

TimingObservation observe_timing() {
  TimingObservation seen;
  seen.spreads[kProbeCpuid] = time_instruction(do_cpuid);
  auto* const memory = new char[2 * kStringBytes]();
  seen.spreads[kProbeString] = time_instruction(do_string, memory);
  delete[] memory;
  if (kernel.dedicated) {
    seen.privilege = Privilege::kKernel;
    if (kernel.extended.xsave) seen.spreads[kProbeXsetbv] = time_instruction(do_xsetbv);
    seen.spreads[kProbeMsr] = time_instruction(do_msr);
  }
  seen.spreads[kProbeWake] = time_wakes();
  return seen;
}

}  // namespace candor::detect

namespace candor::kernel {

using namespace detect;

void detect_at_boot(Duration vmcpuid_took) {
  if ((detect_methods & kVmcpuid) != 0) report("VMCPUID", by_vmcpuid(vmcpuid_seen), vmcpuid_took);
  if ((detect_methods & kCpuid) == 0 && detect_methods != 0) return;
  const Time begin = now();
  found_by_cpuid = by_cpuid(this_processor());
  report("CPUID", found_by_cpuid, now() - begin);
}

void detect_in_thread() {
  if ((detect_methods & kTiming) != 0) {
    const Time begin = now();
    found_by_timing = by_timing(observe_timing(), recorded());
    report("timing", found_by_timing, now() - begin);
  }
  if ((detect_methods & (detect_methods - 1)) == 0) return;  // one alone has said it
  const Verdict all = verdict();
  const bool below = all.machine.sure != Sure::kNot;
  print("candor: so this is {} ({}){}{}{}{}\n", name_of(all.here), name_of(all.here.sure),
        below ? "; the machine below: " : "", below ? name_of(all.machine) : "",
        below && all.machine.sure != Sure::kCertain ? ", but that is not certain" : "",
        all.contradicted ? "; CPUID and timing do not agree" : "");
}

}  // namespace candor::kernel
