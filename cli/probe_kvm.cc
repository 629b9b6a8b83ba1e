// The smallest guest that shows what supervisor code costs here: two
// instructions in a loop in long mode at privilege level 0, then HLT.
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "cli/probe.h"

namespace candor::cli {
namespace {

// Slow hosts get through this in well under the 2 s limit.
constexpr std::uint32_t kTurns = 200'000;

constexpr std::size_t kGuestBytes = 0x5000;
constexpr std::uint64_t kPml4 = 0x1000, kPdpt = 0x2000, kPd = 0x3000, kCode = 0x4000;
constexpr std::uint64_t kPresentWritable = 3, kLargePage = 0x80;

void write_guest(std::byte* memory) {
  const auto put = [memory](std::uint64_t at, std::uint64_t value) {
    std::memcpy(memory + at, &value, sizeof(value));
  };
  put(kPml4, kPdpt | kPresentWritable);
  put(kPdpt, kPd | kPresentWritable);
  put(kPd, kPresentWritable | kLargePage);
  const unsigned char code[] = {
      0xff, 0xc9,  // again: dec ecx
      0x75, 0xfc,  //        jnz again
      0xf4,        //        hlt
  };
  std::memcpy(memory + kCode, code, sizeof(code));
}

bool set_long_mode(int vcpu) {
  kvm_sregs sregs{};
  if (ioctl(vcpu, KVM_GET_SREGS, &sregs) != 0) return false;
  sregs.cr0 = 0x80000001;  // PG, PE
  sregs.cr4 = 0x20;        // PAE
  sregs.cr3 = kPml4;
  sregs.efer = 0x500;  // LMA, LME
  kvm_segment segment{};
  segment.limit = 0xffffffff;
  segment.selector = 0x10;
  segment.present = segment.s = segment.g = segment.db = 1;
  segment.type = 3;  // data, writable
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment;
  segment.selector = 0x8;
  segment.type = 11;  // code, readable
  segment.db = 0;
  segment.l = 1;
  sregs.cs = segment;
  kvm_regs regs{};
  regs.rip = kCode;
  regs.rcx = kTurns;
  regs.rflags = 2;
  return ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0 && ioctl(vcpu, KVM_SET_REGS, &regs) == 0;
}

// The answer that crosses the pipe: picoseconds for the loop, or minus (step * 4096 + errno).
std::int64_t failed(KvmFacts::Step step) {
  return -(static_cast<std::int64_t>(step) * 4096 + errno);
}

// Descriptors and mappings go with the child that runs this.
std::int64_t run_guest() {
  using Step = KvmFacts::Step;
  const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return failed(Step::kOpen);
  const int vm = ioctl(kvm, KVM_CREATE_VM, 0);
  if (vm < 0) return failed(Step::kCreateVm);
  ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000);  // Intel needs three pages somewhere; others ignore it
  void* memory = mmap(nullptr, kGuestBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return failed(Step::kCreateVm);
  write_guest(static_cast<std::byte*>(memory));
  kvm_userspace_memory_region region{};
  region.memory_size = kGuestBytes;
  region.userspace_addr = reinterpret_cast<std::uint64_t>(memory);
  if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) != 0) return failed(Step::kCreateVm);
  const int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
  if (vcpu < 0) return failed(Step::kCreateVm);
  const int run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (run_bytes < static_cast<int>(sizeof(kvm_run))) return failed(Step::kCreateVm);
  void* shared =
      mmap(nullptr, static_cast<std::size_t>(run_bytes), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  if (shared == MAP_FAILED || !set_long_mode(vcpu)) return failed(Step::kCreateVm);

  const auto begin = std::chrono::steady_clock::now();
  if (ioctl(vcpu, KVM_RUN, 0) != 0) return failed(Step::kRun);
  const auto elapsed = std::chrono::steady_clock::now() - begin;
  if (static_cast<kvm_run*>(shared)->exit_reason != KVM_EXIT_HLT) return errno = EIO, failed(Step::kRun);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count() * 1000;
}

}  // namespace

KvmFacts probe_kvm() {
  KvmFacts facts;
  const auto answer = ask_child(run_guest, seconds(2));
  if (!answer) {
    facts.reached = KvmFacts::Step::kRun;
    facts.error = ETIMEDOUT;
  } else if (*answer < 0) {
    facts.reached = static_cast<KvmFacts::Step>(-*answer / 4096);
    facts.error = static_cast<int>(-*answer % 4096);
  } else {
    facts.reached = KvmFacts::Step::kDone;
    facts.ns_per_turn = static_cast<double>(*answer) / 1000 / kTurns;
  }
  return facts;
}

}  // namespace candor::cli
