/*
 * A guest that never writes the shared area: all that it says, it says by the
 * synthetic instruction. Its real-time vCPU claims a fixed priority and ends each
 * job by "no work"; the fair vCPU has no work at all. What it finds out about
 * itself it can only tell by the code with which it ends.
 */
#include "abi/candor.h"

#define HOST(type, offset) ((const struct type*)(CANDOR_AREA_BASE + (offset)))
#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)

#define PRIORITY 10u
#define PERIOD_NS 5000000u
#define BUDGET_NS 500000u

enum verdict {
  FINE = 0,
  NOT_CANDOR = 1,     /* IDENTIFY gave something else */
  NO_SUCH_CALL = 2,   /* a number that is none was not refused */
  CLAIM_FAILED = 3,   /* CLAIM gave an error though a scheduler is there */
  WOKE_EARLY = 4,     /* NO_WORK said "time-out" before the time */
  REGISTERS_LOST = 5, /* a register changed that no synthetic instruction may change */
};

/* In RAM, common to the vCPUs. */
static uint32_t verdict;

static int64_t trap(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4) {
  int64_t result;
  register uint64_t r8 __asm__("r8") = a4;
  __asm__ volatile(CANDOR_TRAP
                   : "=a"(result)
                   : "a"(number), "D"(a0), "S"(a1), "d"(a2), "c"(a3), "r"(r8)
                   : "memory");
  return result;
}

static void report(enum verdict v) {
  __atomic_store_n(&verdict, (uint32_t)v, __ATOMIC_RELEASE);
}

static uint64_t now(void) {
  const struct candor_clock* clock = &HOST(candor_host_page, CANDOR_OFF_HOST_PAGE)->clock;
  for (;;) {
    const uint32_t seq = LOAD(clock->seq);
    const struct candor_clock_scale* scale = &clock->scale[seq & 1];
    const uint64_t mult = LOAD(scale->mult), base_tsc = LOAD(scale->base_tsc), base_ns = LOAD(scale->base_ns);
    const uint64_t fallback_ns = LOAD(clock->fallback_ns);
    const uint32_t flags = LOAD(clock->flags);
    const uint64_t tsc = __builtin_ia32_rdtsc();
    if (seq != LOAD(clock->seq)) continue;
    if ((flags & CANDOR_CLOCK_TSC) == 0) return fallback_ns;
    const uint64_t ticks = tsc > base_tsc ? tsc - base_tsc : 0;
    return base_ns + (uint64_t)((unsigned __int128)ticks * mult >> 32);
  }
}

static int stopping(void) {
  return LOAD(HOST(candor_host_page, CANDOR_OFF_HOST_PAGE)->shutdown) != 0;
}

/* Until `until` or until the host asks for the end. A bit in `pending` that nobody may clear makes NO_WORK
 * return at once; then there is only yielding. */
static void wait(uint64_t until) {
  while (!stopping()) {
    if (trap(CANDOR_CALL_NO_WORK, until, 0, 0, 0, 0) == CANDOR_E_TIMEOUT) {
      if (now() < until) report(WOKE_EARLY);
      return;
    }
    if (now() >= until) return;
    trap(CANDOR_CALL_YIELD, 0, 0, 0, 0, 0);
  }
}

static void check_identity(void) {
  if (trap(CANDOR_CALL_IDENTIFY, 0, 0, 0, 0, 0) != (int64_t)(CANDOR_IDENTITY | CANDOR_ABI_VERSION))
    report(NOT_CANDOR);
  if (trap(0x7fffffff, 0, 0, 0, 0, 0) != CANDOR_E_UNKNOWN) report(NO_SUCH_CALL);
}

static void realtime(uint64_t vcpu) {
  const int64_t answer =
      trap(CANDOR_CALL_CLAIM, vcpu, CANDOR_CLASS_FIXED | PRIORITY << 8, BUDGET_NS, PERIOD_NS, 0);
  if (answer != CANDOR_OK && answer != CANDOR_E_HOST && answer != CANDOR_E_TIMEOUT) report(CLAIM_FAILED);
  const uint64_t epoch = HOST(candor_host_page, CANDOR_OFF_HOST_PAGE)->epoch_ns;
  while (!stopping()) {
    const uint64_t t = now();
    wait(epoch + (t > epoch ? ((t - epoch) / PERIOD_NS + 1) * PERIOD_NS : 0));
    /* The job: whatever the host does meanwhile, the registers stay as they are. */
    uint64_t x = 1, y = 2;
    for (uint32_t i = 0; i < 50000; ++i) {
      x = x * 3 + i;
      y = y * 3 + i + 1;
      __asm__ volatile("" : "+r"(x), "+r"(y));
      if ((i & 4095) == 0) trap(CANDOR_CALL_IDENTIFY, x, y, x, y, x);
    }
    /* x and y start a unit apart, and each step makes the distance d into 3 d + 1. */
    uint64_t distance = 1;
    for (uint32_t i = 0; i < 50000; ++i) distance = distance * 3 + 1;
    if (y - x != distance) report(REGISTERS_LOST);
  }
}

void start(uint64_t area, uint64_t vcpu) {
  (void)area;
  check_identity();
  if (HOST(candor_host_vcpu, CANDOR_OFF_HOST_VCPUS)[vcpu].kind == CANDOR_VCPU_REALTIME)
    realtime(vcpu);
  else
    wait(CANDOR_NO_TIME);
  if (vcpu == 0) trap(CANDOR_CALL_SHUTDOWN, __atomic_load_n(&verdict, __ATOMIC_ACQUIRE), 0, 0, 0, 0);
  for (;;) trap(CANDOR_CALL_YIELD, 0, 0, 0, 0, 0); /* vCPU 0 ends the VM for all */
}

/* The note. Its address field needs the linker, hence assembly. */
__asm__(
    ".pushsection .note.candor, \"a\", @note\n"
    ".balign 4\n"
    ".long 7, 16, 1\n"
    ".asciz \"Candor\"\n"
    ".balign 4\n"
    ".long 1, 0\n"
    ".quad start\n"
    ".popsection\n");
