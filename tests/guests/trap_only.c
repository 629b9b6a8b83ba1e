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
  NOT_CANDOR = 1,       /* IDENTIFY gave something else */
  NO_SUCH_CALL = 2,     /* a number that is none was not refused */
  CLAIM_FAILED = 3,     /* CLAIM gave an error though a scheduler is there */
  WOKE_EARLY = 4,       /* NO_WORK said "time-out" before the time */
  REGISTERS_LOST = 5,   /* a register changed that no synthetic instruction may change */
  WOKE_FOR_NOTHING = 6, /* NO_WORK said "a bit" and TAKE_PENDING gave none */
  NOT_ADMITTED = 7,     /* the answer to the claim is not what a sole small claim deserves */
  WOKE_LATE = 8,        /* more than a few jobs began late, though the claim was in force */
  NEVER_EXHAUSTED = 9,  /* the host let it compute far beyond its budget */
  NOT_ENDED = 10,       /* the claim was given back, and still stands */
  /* 20 + the number of a synthetic instruction that did not do what docs/abi.md says */
  CALL_WRONG = 20,
};

#define LATE_NS 2000000u
#define RUNAWAY_NS 500000000u
#define RUNAWAY_JOB 100u

/* In RAM, common to the vCPUs. */
static uint32_t verdict;
static uint8_t page[4096] __attribute__((aligned(4096)));

static int64_t trap(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4) {
  int64_t result;
  register uint64_t r8 __asm__("r8") = a4;
  __asm__ volatile(CANDOR_TRAP
                   : "=a"(result)
                   : "a"(number), "D"(a0), "S"(a1), "d"(a2), "c"(a3), "r"(r8)
                   : "memory");
  return result;
}

/* The first counts. */
static void report(uint32_t v) {
  uint32_t none = FINE;
  __atomic_compare_exchange_n(&verdict, &none, v, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static void expect(int holds, enum candor_call number) {
  if (!holds) report(CALL_WRONG + (uint32_t)number);
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

/* Until `until` or until the host asks for the end. Every bit that ends a wait is taken, or there would be no
 * waiting any more. Gives the bits. */
static uint64_t wait(uint64_t until) {
  uint64_t bits = 0;
  while (!stopping()) {
    if (trap(CANDOR_CALL_NO_WORK, until, 0, 0, 0, 0) == CANDOR_E_TIMEOUT) {
      if (now() < until) report(WOKE_EARLY);
      break;
    }
    const uint64_t taken = (uint64_t)trap(CANDOR_CALL_TAKE_PENDING, 0, 0, 0, 0, 0);
    if (taken == 0) report(WOKE_FOR_NOTHING);
    bits |= taken;
  }
  return bits;
}

static void check_identity(void) {
  if (trap(CANDOR_CALL_IDENTIFY, 0, 0, 0, 0, 0) != (int64_t)(CANDOR_IDENTITY | CANDOR_ABI_VERSION))
    report(NOT_CANDOR);
  if (trap(0x7fffffff, 0, 0, 0, 0, 0) != CANDOR_E_UNKNOWN) report(NO_SUCH_CALL);
}

/* Each synthetic instruction but CLAIM and SHUTDOWN, once, for what can be seen of it. */
static void check_calls(uint64_t vcpu) {
  expect(trap(CANDOR_CALL_YIELD, 0, 0, 0, 0, 0) == CANDOR_OK, CANDOR_CALL_YIELD);
  expect(trap(CANDOR_CALL_RING, CANDOR_BELL_SCHED | CANDOR_BELL_MONITOR, 0, 0, 0, 0) == CANDOR_OK,
         CANDOR_CALL_RING);

  expect(trap(CANDOR_CALL_NOTIFY, vcpu, 0, 0, 0, 0) == CANDOR_OK, CANDOR_CALL_NOTIFY);
  expect(trap(CANDOR_CALL_NOTIFY, CANDOR_MAX_VCPUS, 0, 0, 0, 0) == CANDOR_E_INVALID, CANDOR_CALL_NOTIFY);
  expect(trap(CANDOR_CALL_NO_WORK, CANDOR_NO_TIME, 0, 0, 0, 0) == CANDOR_OK, CANDOR_CALL_NO_WORK);
  const int64_t bits = trap(CANDOR_CALL_TAKE_PENDING, 0, 0, 0, 0, 0);
  expect((bits & CANDOR_PENDING_NOTIFY) != 0, CANDOR_CALL_NOTIFY);
  expect((trap(CANDOR_CALL_TAKE_PENDING, 0, 0, 0, 0, 0) & CANDOR_PENDING_NOTIFY) == 0,
         CANDOR_CALL_TAKE_PENDING);

  const uint64_t at = now() + 2000000;
  expect(trap(CANDOR_CALL_SET_TIMER, at, 0, 0, 0, 0) == CANDOR_OK, CANDOR_CALL_SET_TIMER);
  uint64_t seen = 0;
  while ((seen & CANDOR_PENDING_TIMER) == 0 && now() < at + 1000000000 && !stopping()) {
    trap(CANDOR_CALL_NO_WORK, at + 1000000000, 0, 0, 0, 0);
    seen |= (uint64_t)trap(CANDOR_CALL_TAKE_PENDING, 0, 0, 0, 0, 0);
  }
  expect(((seen & CANDOR_PENDING_TIMER) != 0 && now() >= at) || stopping(), CANDOR_CALL_SET_TIMER);
  expect(trap(CANDOR_CALL_SET_TIMER, 0, 0, 0, 0, 0) == CANDOR_OK, CANDOR_CALL_SET_TIMER);

  expect(trap(CANDOR_CALL_LOCK_WAIT, 0, 0, 0, 0, 0) == CANDOR_OK, CANDOR_CALL_LOCK_WAIT);
  expect(trap(CANDOR_CALL_LOCK_WAIT, 0, 0, 0, 0, 0) == CANDOR_E_DEADLOCK, CANDOR_CALL_LOCK_WAIT);
  expect(trap(CANDOR_CALL_LOCK_WAKE, 0, 0, 0, 0, 0) == CANDOR_OK, CANDOR_CALL_LOCK_WAKE);
  expect(trap(CANDOR_CALL_LOCK_WAIT, CANDOR_MAX_LOCKS, 0, 0, 0, 0) == CANDOR_E_INVALID,
         CANDOR_CALL_LOCK_WAIT);

  const uint64_t address = (uint64_t)(uintptr_t)page;
  expect(trap(CANDOR_CALL_PROTECT, address, sizeof page, CANDOR_PROT_READ, 0, 0) == CANDOR_OK,
         CANDOR_CALL_PROTECT);
  expect(trap(CANDOR_CALL_PROTECT, address, sizeof page, CANDOR_PROT_WRITE, 0, 0) == CANDOR_OK,
         CANDOR_CALL_PROTECT);
  *(volatile uint8_t*)page = 1;
  expect(trap(CANDOR_CALL_PROTECT, CANDOR_AREA_BASE, 4096, CANDOR_PROT_WRITE, 0, 0) == CANDOR_E_INVALID,
         CANDOR_CALL_PROTECT);

  expect(trap(CANDOR_CALL_CLAIM, CANDOR_MAX_THREADS, CANDOR_CLASS_FAIR, 0, 0, 0) == CANDOR_E_INVALID,
         CANDOR_CALL_CLAIM);
  expect(trap(CANDOR_CALL_CLAIM, 0, CANDOR_CLAIM_WRITTEN << 1, 0, 0, 0) == CANDOR_E_INVALID,
         CANDOR_CALL_CLAIM);
}

/* The job: whatever the host does meanwhile, the registers stay as they are. */
static void work(void) {
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

static uint32_t status_of(uint64_t slot) {
  return LOAD(HOST(candor_host_thread, CANDOR_OFF_HOST_THREADS)[slot].status);
}

/* Computes until the host says that the budget is used up: an answer that changes later, with its bit. */
static void run_away(uint64_t slot) {
  const uint64_t end = now() + RUNAWAY_NS;
  while (status_of(slot) != CANDOR_CLAIM_EXHAUSTED && !stopping())
    if (now() > end) {
      report(NEVER_EXHAUSTED);
      return;
    }
}

static void realtime(uint64_t vcpu) {
  const int64_t answer =
      trap(CANDOR_CALL_CLAIM, vcpu, CANDOR_CLASS_FIXED | PRIORITY << 8, BUDGET_NS, PERIOD_NS, 0);
  const int served = answer == CANDOR_OK;
  if (!served && answer != CANDOR_E_HOST && answer != CANDOR_E_TIMEOUT) report(CLAIM_FAILED);
  if (served && status_of(vcpu) != CANDOR_CLAIM_ADMITTED && status_of(vcpu) != CANDOR_CLAIM_EXHAUSTED)
    report(NOT_ADMITTED);
  const uint64_t epoch = HOST(candor_host_page, CANDOR_OFF_HOST_PAGE)->epoch_ns;
  uint64_t jobs = 0, late = 0;
  for (; !stopping(); ++jobs) {
    const uint64_t t = now();
    const uint64_t release = epoch + (t > epoch ? ((t - epoch) / PERIOD_NS + 1) * PERIOD_NS : 0);
    wait(release);
    if (stopping()) break;
    if (now() > release + LATE_NS) ++late;
    work();
    if (served && jobs == RUNAWAY_JOB) run_away(vcpu);
  }
  if (!served) return;
  /* Not none: a shared machine may take its processor away at any time. */
  if (late > 2 + jobs / 20) report(WOKE_LATE);
  if (trap(CANDOR_CALL_CLAIM, vcpu, CANDOR_CLASS_NONE, 0, 0, 0) == CANDOR_OK &&
      status_of(vcpu) != CANDOR_CLAIM_NONE)
    report(NOT_ENDED);
}

/* vCPUs that have done their part; vCPU 0 ends the VM when all have. */
static uint32_t finished;

void start(uint64_t area, uint64_t vcpu) {
  (void)area;
  check_identity();
  if (HOST(candor_host_vcpu, CANDOR_OFF_HOST_VCPUS)[vcpu].kind == CANDOR_VCPU_REALTIME) {
    realtime(vcpu);
  } else {
    if (vcpu == 0) check_calls(vcpu);
    wait(CANDOR_NO_TIME);
  }
  __atomic_add_fetch(&finished, 1, __ATOMIC_RELEASE);
  if (vcpu == 0) {
    while (LOAD(finished) != HOST(candor_host_page, CANDOR_OFF_HOST_PAGE)->vcpu_count)
      trap(CANDOR_CALL_YIELD, 0, 0, 0, 0, 0);
    trap(CANDOR_CALL_SHUTDOWN, LOAD(verdict), 0, 0, 0, 0);
  }
  for (;;) {
    trap(CANDOR_CALL_NO_WORK, CANDOR_NO_TIME, 0, 0, 0, 0);
    trap(CANDOR_CALL_TAKE_PENDING, 0, 0, 0, 0, 0);
  }
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
