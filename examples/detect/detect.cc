// Tells what timing says of this machine, and how often: `rounds=N` looks N times (default 1), `published`
// compares with published figures only, `stand-in` times 180 cycles of multiplications in CPUID's place,
// which is what a processor takes that has no hypervisor below.
#include "guest/detect/detect.h"

#include "guest/sdk.h"

namespace {

using namespace candor;
using namespace candor::detect;

constexpr std::size_t kKinds = 5;
const char* const kKindNames[kKinds] = {"unknown", "hardware", "hypervisor", "emulator", "candor"};

Reference chosen[8];

/// Published figures are of any privilege, recorded ones of that under which they were recorded.
std::span<const Reference> published() {
  std::size_t count = 0;
  for (const Reference& r : recorded())
    if (r.privilege == Privilege::kAny && count < std::size(chosen)) chosen[count++] = r;
  return {chosen, count};
}

volatile std::uint64_t factor = 3;

void multiply(void* /*unused*/) {
  std::uint64_t x = factor;
  __asm__ volatile(
      ".rept 60\n\t"
      "imul %0, %0\n\t"
      ".endr"
      : "+r"(x));
  factor = x;
}

/// As tools/record_detection reads it.
void print_observation(const TimingObservation& seen) {
  print("detect: privilege={}", seen.privilege == Privilege::kKernel ? "kernel" : "user");
  for (std::size_t i = 0; i < kProbes; i++)
    print(" {}={}/{}/{}", kProbeNames[i], seen.spreads[i].low, seen.spreads[i].middle, seen.spreads[i].high);
  print("\n");
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  std::uint64_t rounds = 1;
  bool stand_in = false;
  std::span<const Reference> references = recorded();
  for (std::string_view argument : arguments) {
    std::string_view value = argument;
    const std::string_view key = take_until(value, '=');
    if (key == "rounds" && parse_number(value)) {
      rounds = *parse_number(value);
    } else if (argument == "published") {
      references = published();
    } else if (argument == "stand-in") {
      stand_in = true;
    } else {
      print("detect: {}: it takes rounds=N, published and stand-in\n", argument);
      return 2;
    }
  }
  std::uint64_t likely[kKinds] = {}, perhaps[kKinds] = {};
  for (std::uint64_t i = 0; i < rounds && !stopping(); i++) {
    TimingObservation seen = observe_timing();
    if (stand_in) {
      seen.spreads[kProbeCpuid] = time_instruction(multiply);
      // What the machine below does to these is not what hardware would.
      seen.spreads[kProbeXsetbv] = seen.spreads[kProbeMsr] = seen.spreads[kProbeWake] = {};
    }
    print_observation(seen);
    const Finding finding = by_timing(seen, references);
    (finding.sure >= Sure::kLikely ? likely : perhaps)[static_cast<std::size_t>(finding.kind)]++;
    if (i + 1 == rounds)
      print("detect: {}, {}: {}\n", name_of(finding), name_of(finding.sure), finding.evidence.view());
  }
  for (std::size_t k = 0; k < kKinds; k++)
    if (likely[k] + perhaps[k] != 0)
      print("detect: verdict={} likely={} perhaps={}\n", kKindNames[k], likely[k], perhaps[k]);
  return 0;
}
