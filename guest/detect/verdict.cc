#include "guest/detect/verdict.h"

namespace candor::detect {

Finding by_vmcpuid(const VmcpuidObservation& seen) {
  Finding finding;
  if (seen.undefined) {
    finding.evidence.set("an invalid-opcode exception, so not Candor");
    return finding;
  }
  finding.evidence.set("it answers {:x}", seen.answer);
  const std::uint32_t version = abi_version_in(seen);
  if (version == 0) {
    // No processor defines it, so somebody has served it.
    finding.kind = HostKind::kHypervisor;
    finding.sure = Sure::kLikely;
    finding.evidence.add(", which is not Candor's answer");
    return finding;
  }
  finding.kind = HostKind::kCandor;
  finding.sure = Sure::kCertain;
  finding.name.set("Candor, ABI {}", version);
  return finding;
}

Verdict combine(std::span<const Finding> findings) {
  Finding candor, machine;
  bool contradicted = false;
  for (const Finding& f : findings) {
    Finding& best = f.kind == HostKind::kCandor ? candor : machine;
    if (f.sure > best.sure) best = f;
  }
  for (const Finding& f : findings) {
    const bool counts = f.kind != HostKind::kCandor && f.sure >= Sure::kLikely;
    contradicted |= counts && (f.kind == HostKind::kHardware) != (machine.kind == HostKind::kHardware);
  }
  if (candor.sure == Sure::kNot) return {machine, {}, contradicted};
  return {candor, machine, contradicted};
}

std::string_view name_of(const Finding& finding) {
  if (!finding.name.view().empty()) return finding.name.view();
  switch (finding.kind) {
    case HostKind::kHardware:
      return "hardware";
    case HostKind::kHypervisor:
      return "a hypervisor";
    case HostKind::kEmulator:
      return "an emulator";
    case HostKind::kCandor:
      return "Candor";
    case HostKind::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view name_of(Sure sure) {
  switch (sure) {
    case Sure::kCertain:
      return "certain";
    case Sure::kLikely:
      return "likely";
    case Sure::kPerhaps:
      return "perhaps";
    case Sure::kNot:
      break;
  }
  return "no telling";
}

}  // namespace candor::detect
