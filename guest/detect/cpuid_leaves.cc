#include "guest/detect/cpuid_leaves.h"

namespace candor::detect {
namespace {

using kernel::CpuidLeaf;

constexpr std::uint32_t kFirstBase = 0x40000000, kBaseStep = 0x100, kLastBase = 0x4000ff00;
constexpr std::uint32_t kTimingLeaf = 0x10;  // after the base
constexpr std::size_t kSignatureBytes = 12;

// Where each is documented stands in docs/detection.md.
struct Vendor {
  std::string_view signature;  // up to the zeros at its end
  std::string_view name;
  HostKind kind;
  bool timing_leaf;  // documents leaf 40000010H
};
constexpr std::string_view kHyperV = "Microsoft Hv";
constexpr std::string_view kXen = "XenVMMXenVMM";
constexpr std::string_view kKvm = "KVMKVMKVM";
constexpr Vendor kVendors[] = {
    {kKvm, "KVM", HostKind::kHypervisor, true},
    {kXen, "Xen", HostKind::kHypervisor, false},
    {"VMwareVMware", "VMware", HostKind::kHypervisor, true},
    {kHyperV, "Hyper-V", HostKind::kHypervisor, false},
    {"ACRNACRNACRN", "ACRN", HostKind::kHypervisor, true},
    {"bhyve bhyve ", "bhyve", HostKind::kHypervisor, false},
    {"VBoxVBoxVBox", "VirtualBox", HostKind::kHypervisor, false},
    {"Jailhouse", "Jailhouse", HostKind::kHypervisor, false},
    {"TCGTCGTCGTCG", "QEMU's TCG", HostKind::kEmulator, false},
};

/// The twelve bytes of EBX, ECX and EDX, as text.
class Signature {
 public:
  explicit Signature(const CpuidLeaf& leaf) {
    const std::uint32_t words[] = {leaf.b, leaf.c, leaf.d};
    for (std::size_t i = 0; i < kSignatureBytes; i++)
      bytes_[i] = static_cast<char>(words[i / 4] >> (i % 4 * 8));
    while (length_ < kSignatureBytes && bytes_[length_] >= ' ' && bytes_[length_] <= '~') length_++;
    for (std::size_t i = length_; i < kSignatureBytes; i++) clean_ &= bytes_[i] == 0;
  }
  /// Nothing but characters, four at least, and zeros behind them.
  [[nodiscard]] bool is_text() const { return clean_ && length_ >= 4; }
  [[nodiscard]] std::string_view text() const { return {bytes_, length_}; }

 private:
  char bytes_[kSignatureBytes];
  std::size_t length_ = 0;
  bool clean_ = true;
};

const Vendor* vendor_of(const Signature& signature) {
  if (!signature.is_text()) return nullptr;
  for (const Vendor& vendor : kVendors)
    if (vendor.signature == signature.text()) return &vendor;
  return nullptr;
}

/// Whose leaves there are, and where.
struct Leaves {
  const Vendor* vendor = nullptr;  // the one to go by
  std::uint32_t base = 0;          // its first leaf
  std::uint32_t last = 0;          // and its last
  bool also_hyper_v = false;       // Hyper-V's interface comes before, as others offer it
  ShortText unknown;               // a signature of nobody known
};

std::uint32_t last_leaf(const Vendor& vendor, std::uint32_t base, std::uint32_t said) {
  if (vendor.signature == kKvm && said == 0) said = base + 1;  // as KVM documents for old hosts
  return said >= base && said < base + kBaseStep ? said : base;
}

Leaves find_leaves(const CpuidSource& cpuid) {
  Leaves found;
  // Who offers several interfaces puts them one after the other, Hyper-V's first and its own last.
  for (std::uint32_t base = kFirstBase; base <= kLastBase; base += kBaseStep) {
    const CpuidLeaf leaf = cpuid(base);
    const Signature signature(leaf);
    const Vendor* vendor = vendor_of(signature);
    if (vendor == nullptr) {
      if (found.vendor == nullptr && signature.is_text()) found.unknown.set("{}", signature.text());
      break;
    }
    if (found.vendor == vendor) break;  // who ignores the leaf's lower bits
    found.also_hyper_v |= found.vendor != nullptr && found.vendor->signature == kHyperV;
    found.vendor = vendor;
    found.base = base;
    found.last = last_leaf(*vendor, base, leaf.a);
  }
  return found;
}

bool hypervisor_bit(const CpuidSource& cpuid) {
  return (cpuid(1).c >> 31 & 1) != 0;
}

/// Leaf 40000001H says what the leaves after it mean, whoever has signed the one before it. There are five at
/// least, then.
bool has_hyper_v_interface(const CpuidSource& cpuid) {
  constexpr std::uint32_t kInterface = 0x31237648;  // "Hv#1"
  return cpuid(kFirstBase).a >= kFirstBase + 5 && cpuid(kFirstBase + 1).a == kInterface;
}

constexpr std::uint64_t kMega = 1'000'000;

std::uint64_t plausible_tsc(std::uint64_t hz) {
  return hz >= 100 * kMega && hz <= 20'000 * kMega ? hz : 0;
}
std::uint64_t plausible_bus(std::uint64_t hz) {
  return hz >= kMega && hz <= 20'000 * kMega ? hz : 0;
}

ToldFrequencies told_by_vendor(const CpuidSource& cpuid, const Leaves& leaves) {
  constexpr std::uint64_t kKilo = 1000;
  if (leaves.vendor->timing_leaf && leaves.last >= leaves.base + kTimingLeaf) {
    const CpuidLeaf leaf = cpuid(leaves.base + kTimingLeaf);
    return {plausible_tsc(leaf.a * kKilo), plausible_bus(leaf.b * kKilo), "CPUID 40000010H"};
  }
  if (leaves.vendor->signature == kXen && leaves.last >= leaves.base + 3)
    return {plausible_tsc(cpuid(leaves.base + 3).c * kKilo), 0, "Xen"};
  return {};
}

ToldFrequencies told_by_hyper_v(const CpuidSource& cpuid, std::uint64_t (*read_msr)(std::uint32_t msr)) {
  constexpr std::uint32_t kTscFrequency = 0x40000022, kApicFrequency = 0x40000023;
  const CpuidLeaf features = cpuid(kFirstBase + 3);
  // AccessFrequencyRegs of the partition's privileges, and that there are such registers.
  if ((features.a >> 11 & 1) == 0 || (features.d >> 8 & 1) == 0) return {};
  return {plausible_tsc(read_msr(kTscFrequency)), plausible_bus(read_msr(kApicFrequency)), "Hyper-V"};
}

}  // namespace

CpuidSource this_processor() {
  return {[](const void* /*context*/, std::uint32_t leaf, std::uint32_t subleaf) {
    return kernel::cpuid(leaf, subleaf);
  }};
}

Finding by_cpuid(const CpuidSource& cpuid) {
  Finding finding;
  const bool bit = hypervisor_bit(cpuid);
  const Leaves leaves = find_leaves(cpuid);
  finding.evidence.set(bit ? "the hypervisor bit is set" : "the hypervisor bit is not set");
  if (leaves.vendor != nullptr) {
    finding.kind = leaves.vendor->kind;
    finding.sure = Sure::kCertain;
    finding.name.set("{}", leaves.vendor->name);
    finding.evidence.add(", leaf {:x} says {}", leaves.base, leaves.vendor->signature);
    if (leaves.also_hyper_v) finding.evidence.add(" behind Hyper-V's interface");
    // Where there is no hypervisor such a leaf gives what the highest basic one does, which is no text of
    // theirs.
    if (!bit) finding.evidence.add(": it hides");
    if (leaves.vendor->signature == kHyperV && !has_hyper_v_interface(cpuid)) {
      finding.sure = Sure::kLikely;
      finding.evidence.add(", but without its interface Hv#1");
    }
    return finding;
  }
  if (bit) {
    finding.kind = HostKind::kHypervisor;
    finding.sure = Sure::kCertain;
    if (leaves.unknown.view().empty()) {
      finding.evidence.add(", and no signature");
    } else {
      finding.name.set("a hypervisor that calls itself {}", leaves.unknown.view());
      finding.evidence.add(", its signature is of nobody known");
    }
    return finding;
  }
  finding.kind = HostKind::kHardware;
  finding.sure = Sure::kPerhaps;
  finding.evidence.add(", and no signature");
  return finding;
}

ToldFrequencies told_frequencies(const CpuidSource& cpuid, std::uint64_t (*read_msr)(std::uint32_t msr)) {
  if (!hypervisor_bit(cpuid)) return {};
  const Leaves leaves = find_leaves(cpuid);
  if (leaves.vendor != nullptr) {
    const ToldFrequencies told = told_by_vendor(cpuid, leaves);
    if (told.tsc_hz != 0) return told;
  }
  return has_hyper_v_interface(cpuid) ? told_by_hyper_v(cpuid, read_msr) : ToldFrequencies();
}

}  // namespace candor::detect
