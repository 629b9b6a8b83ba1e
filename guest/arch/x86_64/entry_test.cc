// The upcall entry, instruction by instruction: this test plays the host. It
// single-steps a program that keeps patterns in all registers, diverts it to
// the entry once, and a second time at each instruction of the way out.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "abi/candor.h"

extern "C" {
void candor_upcall();
extern const char candor_way_out[], candor_way_out_end[];
// What the interrupted program is: tests/guests/registers.cc.
std::uint32_t check_registers(const std::uint64_t* patterns, std::uint64_t spins);
// What entry.S refers to otherwise.
void candor_start() {
  abort();
}
void candor_thread_main() {
  abort();
}
}

namespace {

constexpr std::uint64_t kTrapFlag = 1u << 8;
constexpr int kNoStep = -1;

candor_guest_vcpu* page;

struct {
  int divert_at;       // step after unmasking at which the second upcall comes
  int steps;           // since the start
  int steps_unmasked;  // of the first upcall's way out
  bool first_done, second_done;
  int handled;
  std::uint64_t handler_stack[2];
} run;

/// As docs/abi.md §8 has it; but it keeps stepping.
void divert(greg_t* regs) {
  auto* frame = reinterpret_cast<std::uint64_t*>(regs[REG_RSP] - 144);
  frame[0] = static_cast<std::uint64_t>(regs[REG_EFL]);
  frame[1] = static_cast<std::uint64_t>(regs[REG_RIP]);
  page->masked = 1;
  page->pending = CANDOR_PENDING_NOTIFY;
  regs[REG_RSP] -= 144;
  regs[REG_RIP] = reinterpret_cast<greg_t>(&candor_upcall);
}

void on_step(int /*signo*/, siginfo_t* /*info*/, void* context) {
  greg_t* regs = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  constexpr int kSomewhereInTheLoop = 150;
  if (!run.first_done) {
    if (++run.steps < kSomewhereInTheLoop) return;
    run.first_done = true;
    divert(regs);
  } else if (!run.second_done && run.handled == 1 && page->masked == 0) {
    const auto ip = static_cast<std::uint64_t>(regs[REG_RIP]);
    if (ip < reinterpret_cast<std::uint64_t>(candor_way_out) ||
        ip >= reinterpret_cast<std::uint64_t>(candor_way_out_end)) {
      regs[REG_EFL] &= ~static_cast<greg_t>(kTrapFlag);
      return;
    }
    if (run.steps_unmasked++ != run.divert_at) return;
    run.second_done = true;
    divert(regs);
  } else if (run.handled == 2 && page->masked == 0) {
    regs[REG_EFL] &= ~static_cast<greg_t>(kTrapFlag);
  }
}

/// Returns what check_registers() found.
std::uint32_t run_with_second_upcall_at(int step) {
  run = {};
  run.divert_at = step;
  std::uint64_t patterns[32];
  for (std::uint64_t i = 0; i < 32; i++) patterns[i] = (i + 1) * 0x9e3779b97f4a7c15;
  __asm__ volatile("pushfq\n orl $0x100, (%%rsp)\n popfq\n" ::: "memory", "cc");
  return check_registers(patterns, 2000);
}

class UpcallEntry : public testing::Test {
 protected:
  void SetUp() override {
    if (!__builtin_cpu_supports("avx")) GTEST_SKIP() << "needs AVX: this processor has none";
    page = static_cast<candor_guest_vcpu*>(
        mmap(nullptr, sizeof *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(page, MAP_FAILED);
    constexpr int kSetGs = 0x1001;  // ARCH_SET_GS
    ASSERT_EQ(syscall(SYS_arch_prctl, kSetGs, page), 0);
    stack_.ss_sp = memory_;
    stack_.ss_size = sizeof memory_;
    ASSERT_EQ(sigaltstack(&stack_, nullptr), 0);
    struct sigaction action = {};
    action.sa_sigaction = on_step;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ASSERT_EQ(sigaction(SIGTRAP, &action, nullptr), 0);
  }
  void TearDown() override {
    signal(SIGTRAP, SIG_DFL);
    stack_.ss_flags = SS_DISABLE;
    sigaltstack(&stack_, nullptr);
    munmap(page, sizeof *page);
  }

 private:
  stack_t stack_ = {};
  char memory_[65536];
};

}  // namespace

extern "C" void candor_on_upcall() {
  page->pending = 0;
  if (run.handled < 2)
    run.handler_stack[run.handled] = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
  run.handled++;
}

namespace {

TEST_F(UpcallEntry, PreservesEverythingAndNeverNests) {
  EXPECT_EQ(run_with_second_upcall_at(kNoStep), 0u);
  EXPECT_EQ(run.handled, 1);
  const int way_out = run.steps_unmasked;
  ASSERT_GT(way_out, 15);
  for (int step = 0; step < way_out; step++) {
    EXPECT_EQ(run_with_second_upcall_at(step), 0u) << "at step " << step << " of " << way_out;
    EXPECT_EQ(run.handled, 2) << "at step " << step;
    // From the older frame: on the same place of the stack.
    EXPECT_EQ(run.handler_stack[0], run.handler_stack[1]) << "at step " << step;
    EXPECT_EQ(page->masked, 0u);
  }
}

}  // namespace
