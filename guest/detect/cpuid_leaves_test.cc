#include "guest/detect/cpuid_leaves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <utility>

namespace candor::detect {
namespace {

using kernel::CpuidLeaf;
using testing::HasSubstr;

constexpr std::uint32_t kBit = 1u << 31;

CpuidLeaf signed_leaf(std::uint32_t last, const char* signature) {
  std::string bytes = signature;
  bytes.resize(12);
  CpuidLeaf leaf{last, 0, 0, 0};
  std::memcpy(&leaf.b, &bytes[0], 4);
  std::memcpy(&leaf.c, &bytes[4], 4);
  std::memcpy(&leaf.d, &bytes[8], 4);
  return leaf;
}

/// A processor's leaves. One that is not there gives what `absent` does.
struct LeafTable {
  std::map<std::pair<std::uint32_t, std::uint32_t>, CpuidLeaf> leaves;
  CpuidLeaf absent{};
  mutable int reads = 0;

  LeafTable& with(std::uint32_t leaf, CpuidLeaf value) {
    leaves[{leaf, 0}] = value;
    return *this;
  }
  LeafTable& bit() { return with(1, {0x806ea, 0, kBit | 0x1ffbebf, 0}); }

  operator CpuidSource() const {
    return {[](const void* context, std::uint32_t leaf, std::uint32_t subleaf) {
              const auto& self = *static_cast<const LeafTable*>(context);
              self.reads++;
              const auto at = self.leaves.find({leaf, subleaf});
              return at == self.leaves.end() ? self.absent : at->second;
            },
            this};
  }
};

struct KnownHost {
  const char* signature;
  std::uint32_t last;
  const char* name;
  HostKind kind;
};
// As their vendors document them; docs/detection.md lists where.
const KnownHost kKnown[] = {
    {"KVMKVMKVM", 0x40000001, "KVM", HostKind::kHypervisor},
    {"KVMKVMKVM", 0, "KVM", HostKind::kHypervisor},  // old hosts
    {"XenVMMXenVMM", 0x40000005, "Xen", HostKind::kHypervisor},
    {"VMwareVMware", 0x40000010, "VMware", HostKind::kHypervisor},
    {"ACRNACRNACRN", 0x40000010, "ACRN", HostKind::kHypervisor},
    {"bhyve bhyve ", 0x40000000, "bhyve", HostKind::kHypervisor},  // until 2025
    {"bhyve bhyve ", 0x40000001, "bhyve", HostKind::kHypervisor},
    {"VBoxVBoxVBox", 0x40000006, "VirtualBox", HostKind::kHypervisor},
    {"Jailhouse", 0x40000001, "Jailhouse", HostKind::kHypervisor},
    {"TCGTCGTCGTCG", 0x40000001, "QEMU's TCG", HostKind::kEmulator},
};

TEST(CpuidLeaves, HypervisorsAreNamedByTheirSignatures) {
  for (const KnownHost& host : kKnown) {
    LeafTable table;
    table.bit().with(0x40000000, signed_leaf(host.last, host.signature));
    const Finding f = by_cpuid(table);
    EXPECT_EQ(name_of(f), host.name);
    EXPECT_EQ(f.kind, host.kind) << host.name;
    EXPECT_EQ(f.sure, Sure::kCertain) << host.name;
    EXPECT_THAT(f.evidence.view(), HasSubstr(host.signature));
  }
}

// TLFS 6.0b, 2.4: the vendor at 40000000H, the interface "Hv#1" at 40000001H.
TEST(CpuidLeaves, HyperVIsKnownByItsInterfaceToo) {
  LeafTable table;
  table.bit()
      .with(0x40000000, signed_leaf(0x4000000c, "Microsoft Hv"))
      .with(0x40000001, {0x31237648, 0, 0, 0});
  EXPECT_EQ(name_of(by_cpuid(table)), "Hyper-V");
  EXPECT_EQ(by_cpuid(table).sure, Sure::kCertain);
  table.with(0x40000001, {0x30237648, 0, 0, 0});
  EXPECT_EQ(by_cpuid(table).sure, Sure::kLikely);
  EXPECT_THAT(by_cpuid(table).evidence.view(), HasSubstr("without its interface"));
}

// xen/include/public/arch-x86/cpuid.h: with Viridian extensions Xen's leaves start at 40000100H; KVM does the
// same where it offers Hyper-V's interface.
TEST(CpuidLeaves, WhoOffersHyperVsInterfaceIsNamedByItsOwn) {
  for (const auto& [signature, name] : {std::pair{"XenVMMXenVMM", "Xen"}, std::pair{"KVMKVMKVM", "KVM"}}) {
    LeafTable table;
    table.bit()
        .with(0x40000000, signed_leaf(0x40000005, "Microsoft Hv"))
        .with(0x40000001, {0x31237648, 0, 0, 0})
        .with(0x40000100, signed_leaf(0x40000105, signature));
    const Finding f = by_cpuid(table);
    EXPECT_EQ(name_of(f), name);
    EXPECT_THAT(f.evidence.view(), HasSubstr("40000100"));
    EXPECT_THAT(f.evidence.view(), HasSubstr("behind Hyper-V's interface"));
  }
}

TEST(CpuidLeaves, AProcessorWithoutAHypervisorIsPerhapsHardware) {
  LeafTable amd;
  amd.with(0, signed_leaf(0x10, "AuthenticAMD")).with(1, {0xa20f12, 0, 0x7ed8320b, 0});
  // Intel's give the highest basic leaf where there is none (SDM volume 2A, CPUID).
  LeafTable intel = amd;
  intel.absent = {7, 0x340, 0x340, 0};
  // Even if that looks like text.
  LeafTable text = amd;
  text.absent = signed_leaf(0x16, "GenuineIntel");
  for (const LeafTable& table : {amd, intel, text}) {
    const Finding f = by_cpuid(table);
    EXPECT_EQ(f.kind, HostKind::kHardware);
    EXPECT_EQ(f.sure, Sure::kPerhaps) << "it may hide";
    EXPECT_LE(table.reads, 4) << "each costs an exit";
  }
}

TEST(CpuidLeaves, OneThatHidesTheBitButNotItsSignatureIsFound) {
  LeafTable table;
  table.with(1, {0, 0, 0, 0}).with(0x40000000, signed_leaf(0x40000001, "KVMKVMKVM"));
  const Finding f = by_cpuid(table);
  EXPECT_EQ(name_of(f), "KVM");
  EXPECT_THAT(f.evidence.view(), HasSubstr("it hides"));
}

TEST(CpuidLeaves, OneThatIsNotKnownIsCalledWhatItCallsItself) {
  LeafTable table;
  table.bit().with(0x40000000, signed_leaf(0x40000001, "MyOwnVMM"));
  Finding f = by_cpuid(table);
  EXPECT_EQ(f.kind, HostKind::kHypervisor);
  EXPECT_EQ(f.sure, Sure::kCertain);
  EXPECT_EQ(name_of(f), "a hypervisor that calls itself MyOwnVMM");
  // What is no text does not reach people.
  table.with(0x40000000, signed_leaf(0x40000001, "My\x1b[31mVMM"));
  f = by_cpuid(table);
  EXPECT_EQ(name_of(f), "a hypervisor");
  EXPECT_EQ(f.evidence.view().find('\x1b'), std::string_view::npos);
}

TEST(CpuidLeaves, OneThatAnswersEveryLeafAlikeIsNotFollowedFar) {
  LeafTable table;
  table.bit();
  table.absent = signed_leaf(0xffffffff, "KVMKVMKVM");
  EXPECT_EQ(name_of(by_cpuid(table)), "KVM");
  EXPECT_LE(table.reads, 4);
}

std::uint64_t no_msr(std::uint32_t msr) {
  ADD_FAILURE() << "reads the register " << std::hex << msr;
  return 0;
}

// EAX is the TSC's frequency in kHz, EBX the local APIC timer's.
TEST(CpuidFrequencies, AreTakenFromThoseThatDocumentThem) {
  for (const char* signature : {"VMwareVMware", "KVMKVMKVM"}) {
    LeafTable table;
    table.bit()
        .with(0x40000000, signed_leaf(0x40000010, signature))
        .with(0x40000010, {2'593'907, 1'000'000, 0, 0});
    const ToldFrequencies told = told_frequencies(table, no_msr);
    EXPECT_EQ(told.tsc_hz, 2'593'907'000u);
    EXPECT_EQ(told.apic_bus_hz, 1'000'000'000u);
  }
}

// EBX is reserved, and zero.
TEST(CpuidFrequencies, AcrnTellsTheTscsOnly) {
  LeafTable table;
  table.bit()
      .with(0x40000000, signed_leaf(0x40000010, "ACRNACRNACRN"))
      .with(0x40000010, {2'100'000, 0, 0, 0});
  EXPECT_EQ(told_frequencies(table, no_msr).tsc_hz, 2'100'000'000u);
  EXPECT_EQ(told_frequencies(table, no_msr).apic_bus_hz, 0u);
}

// What is at 40000010H belongs to the interface before.
TEST(CpuidFrequencies, ALeafIsLookedForBehindTheBaseOfItsOwnInterface) {
  LeafTable table;
  table.bit()
      .with(0x40000000, signed_leaf(0x40000005, "Microsoft Hv"))
      .with(0x40000100, signed_leaf(0x40000110, "KVMKVMKVM"))
      .with(0x40000010, {1'111'111, 0, 0, 0})
      .with(0x40000110, {2'000'000, 0, 0, 0});
  EXPECT_EQ(told_frequencies(table, no_msr).tsc_hz, 2'000'000'000u);
}

// ECX of sub-leaf 0 of Xen's fourth leaf: the guest's TSC in kHz.
TEST(CpuidFrequencies, XenTellsTheTscs) {
  LeafTable table;
  table.bit()
      .with(0x40000000, signed_leaf(0x40000005, "XenVMMXenVMM"))
      .with(0x40000003, {6, 0, 3'000'000, 1});
  EXPECT_EQ(told_frequencies(table, no_msr).tsc_hz, 3'000'000'000u);
  EXPECT_EQ(told_frequencies(table, no_msr).apic_bus_hz, 0u);
}

/// With Hyper-V's registers for frequencies, if its leaf 3 says so.
LeafTable with_hyper_v(const char* signature, CpuidLeaf features) {
  LeafTable table;
  table.bit()
      .with(0x40000000, signed_leaf(0x40000006, signature))
      .with(0x40000001, {0x31237648, 0, 0, 0})
      .with(0x40000003, features);
  return table;
}
std::uint64_t hyper_v_msr(std::uint32_t msr) {
  if (msr == 0x40000022) return 2'400'000'123;
  if (msr == 0x40000023) return 200'000'000;
  return no_msr(msr);
}
constexpr std::uint32_t kMayRead = 1u << 11, kAreThere = 1u << 8;

// TLFS 6.0b, 2.4: bit 11 of the privileges in EAX and bit 8 of EDX of leaf 40000003H, and the registers in
// Hz. Whoever offers that interface has them.
TEST(CpuidFrequencies, HyperVsInterfaceTellsThemByRegisters) {
  for (const char* signature : {"Microsoft Hv", "VBoxVBoxVBox", "MyOwnVMM"}) {
    const LeafTable table = with_hyper_v(signature, {kMayRead, 0, 0, kAreThere});
    const ToldFrequencies told = told_frequencies(table, hyper_v_msr);
    EXPECT_EQ(told.tsc_hz, 2'400'000'123u) << signature;
    EXPECT_EQ(told.apic_bus_hz, 200'000'000u) << signature;
  }
  LeafTable kvm = with_hyper_v("Microsoft Hv", {kMayRead, 0, 0, kAreThere});
  kvm.with(0x40000100, signed_leaf(0x40000101, "KVMKVMKVM"));
  EXPECT_EQ(told_frequencies(kvm, hyper_v_msr).tsc_hz, 2'400'000'123u);
}

TEST(CpuidFrequencies, ARegisterIsNotReadUnlessCpuidSaysThatItMayBe) {
  const CpuidLeaf both = {kMayRead, 0, 0, kAreThere};
  EXPECT_EQ(told_frequencies(with_hyper_v("Microsoft Hv", {~kMayRead, 0, 0, kAreThere}), no_msr).tsc_hz, 0u);
  EXPECT_EQ(told_frequencies(with_hyper_v("Microsoft Hv", {kMayRead, 0, 0, ~kAreThere}), no_msr).tsc_hz, 0u);
  LeafTable other_interface = with_hyper_v("Microsoft Hv", both);
  other_interface.with(0x40000001, {0x30237648, 0, 0, 0});
  EXPECT_EQ(told_frequencies(other_interface, no_msr).tsc_hz, 0u);
  LeafTable short_of_leaves = with_hyper_v("Microsoft Hv", both);
  short_of_leaves.with(0x40000000, signed_leaf(0x40000002, "Microsoft Hv"));
  EXPECT_EQ(told_frequencies(short_of_leaves, no_msr).tsc_hz, 0u);
  LeafTable hidden = with_hyper_v("Microsoft Hv", both);
  hidden.with(1, {0, 0, 0, 0});
  EXPECT_EQ(told_frequencies(hidden, no_msr).tsc_hz, 0u);
}

TEST(CpuidFrequencies, WhatCannotBeOrIsNotDocumentedIsNotTaken) {
  const auto told_by = [](const char* signature, std::uint32_t last, CpuidLeaf timing) {
    LeafTable table;
    table.bit().with(0x40000000, signed_leaf(last, signature)).with(0x40000010, timing);
    return told_frequencies(table, no_msr);
  };
  const CpuidLeaf good = {2'000'000, 1'000'000, 0, 0};
  EXPECT_EQ(told_by("Microsoft Hv", 0x40000082, good).tsc_hz, 0u) << "the leaf means something else there";
  EXPECT_EQ(told_by("MyOwnVMM", 0x40000010, good).tsc_hz, 0u);
  EXPECT_EQ(told_by("KVMKVMKVM", 0x4000000f, good).tsc_hz, 0u) << "it has no such leaf";
  EXPECT_EQ(told_by("KVMKVMKVM", 0x80000000, good).tsc_hz, 0u) << "its last leaf is not one of its own";
  EXPECT_EQ(told_by("KVMKVMKVM", 0x40000010, {0, 0, 0, 0}).tsc_hz, 0u);
  EXPECT_EQ(told_by("KVMKVMKVM", 0x40000010, {20'000'001, 1'000'000, 0, 0}).tsc_hz, 0u);
  EXPECT_EQ(told_by("KVMKVMKVM", 0x40000010, {99'999, 1'000'000, 0, 0}).tsc_hz, 0u);
  EXPECT_EQ(told_by("KVMKVMKVM", 0x40000010, {2'000'000, 0xffffffff, 0, 0}).apic_bus_hz, 0u);
  EXPECT_EQ(told_by("KVMKVMKVM", 0x40000010, {2'000'000, 999, 0, 0}).apic_bus_hz, 0u);
  LeafTable hidden;
  hidden.with(1, {0, 0, 0, 0}).with(0x40000000, signed_leaf(0x40000010, "KVMKVMKVM")).with(0x40000010, good);
  EXPECT_EQ(told_frequencies(hidden, no_msr).tsc_hz, 0u) << "who hides is not believed";
}

// Under a sanitizer this shows that nothing depends on what leaves hold.
TEST(CpuidProperty, WhateverLeavesHoldTheAnswerIsBounded) {
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const char* const signatures[] = {"KVMKVMKVM",    "Microsoft Hv", "XenVMMXenVMM",
                                    "VMwareVMware", "\x7f\x01",     ""};
  for (int round = 0; round < 20'000; round++) {
    LeafTable table;
    const auto any = [&] { return static_cast<std::uint32_t>(random()); };
    table.with(1, {any(), any(), any(), any()});
    table.absent = {any(), any(), any(), any()};
    for (std::uint32_t base = 0x40000000; base <= 0x40000300; base += 0x100) {
      CpuidLeaf leaf =
          signed_leaf(random() % 2 != 0 ? any() : base + random() % 300, signatures[random() % 6]);
      if (random() % 4 == 0) leaf = {any(), any(), any(), any()};
      table.with(base, leaf);
      for (const std::uint32_t next : {1u, 3u, 0x10u}) table.with(base + next, {any(), any(), any(), any()});
    }
    const Finding f = by_cpuid(table);
    ASSERT_NE(f.kind, HostKind::kUnknown);
    ASSERT_NE(f.kind, HostKind::kCandor);
    for (const char c : f.name.view()) ASSERT_TRUE(c >= ' ' && c <= '~');
    for (const char c : f.evidence.view()) ASSERT_TRUE(c >= ' ' && c <= '~');
    const auto any_msr = [](std::uint32_t msr) { return ~std::uint64_t{0} / msr; };
    const ToldFrequencies told = told_frequencies(table, any_msr);
    ASSERT_LE(told.tsc_hz, 20'000'000'000u);
    ASSERT_LE(told.apic_bus_hz, 20'000'000'000u);
    ASSERT_LE(table.reads, 20);
  }
}

}  // namespace
}  // namespace candor::detect
