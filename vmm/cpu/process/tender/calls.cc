// Synthetic instructions (docs/abi.md §7), executed on the vCPU's own thread.
// All arguments are the guest's; a bad one is an error result, never a fault
// here. What a guest can reach by calling these it could reach by system calls
// of its own: the filter, not this file, is what confines it.
#include <asm/unistd.h>
#include <linux/futex.h>
#include <linux/time_types.h>
#include <sys/mman.h>

#include "vmm/cpu/process/tender/tender.h"

namespace candor::tender {
namespace {

constexpr long kErrorTimeout = -110, kErrorDeadlock = -35;
constexpr std::uint64_t kAnswerPatienceNs = 100'000'000;

struct Timespec {
  std::int64_t seconds, nanoseconds;
};
Timespec timespec_of(std::uint64_t ns) {
  return {static_cast<std::int64_t>(ns / 1'000'000'000), static_cast<std::int64_t>(ns % 1'000'000'000)};
}

long futex(const std::uint32_t& word, int op, std::uint32_t value, const Timespec* timeout = nullptr) {
  return syscall(__NR_futex, address_of(&word), op, value, address_of(timeout), 0, FUTEX_BITSET_MATCH_ANY);
}

/// The job line of a thread whose guest does not write the area itself.
void write_job(std::uint32_t slot, candor_thread_state state, std::uint64_t release, bool next_job) {
  candor_thread& t = thread_slot(slot);
  __atomic_store_n(&t.job_seq, t.job_seq | 1u, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  t.state = state;
  t.release_ns = release;
  const std::uint64_t relative = t.relative_deadline_ns != 0 ? t.relative_deadline_ns : t.period_ns;
  t.deadline_ns = release == CANDOR_NO_TIME || relative == 0 ? CANDOR_NO_TIME : release + relative;
  t.expected_ns = t.budget_ns;
  if (next_job) t.job++;
  __atomic_store_n(&t.job_seq, (t.job_seq | 1u) + 1u, __ATOMIC_RELEASE);
}

std::int64_t claim(VcpuSlot& self, const std::uint64_t (&args)[5]) {
  if (args[0] >= CANDOR_MAX_THREADS) return CANDOR_E_INVALID;
  const auto index = static_cast<std::uint32_t>(args[0]);
  candor_thread& t = thread_slot(index);
  if (args[1] != CANDOR_CLAIM_WRITTEN) {
    if (args[1] >> 16 != 0) return CANDOR_E_INVALID;
    store(t.serial, t.serial | 1u);
    t.cls = static_cast<std::uint8_t>(args[1]);
    t.priority = static_cast<std::uint8_t>(args[1] >> 8);
    t.budget_ns = args[2];
    t.period_ns = args[3];
    t.relative_deadline_ns = args[4];
    t.blocking_ns = 0;
    store(t.serial, (t.serial | 1u) + 1u);
    const bool realtime = t.cls == CANDOR_CLASS_DEADLINE || t.cls == CANDOR_CLASS_FIXED;
    if (realtime)
      self.managed = index;
    else if (self.managed == index)
      self.managed = kNoSlot;
    write_job(index, t.cls == CANDOR_CLASS_NONE ? CANDOR_THREAD_ABSENT : CANDOR_THREAD_READY, 0, false);
  }
  if (load(host_page().scheduler) == 0) return CANDOR_E_HOST;
  const std::uint32_t serial = load(t.serial);
  ring(self, process::kSchedBellFd);
  const Timespec patience = timespec_of(kAnswerPatienceNs);  // relative, as FUTEX_WAIT has it
  for (;;) {
    const std::uint32_t answered = load(host_thread(index).answered);
    if (answered == serial) return CANDOR_OK;
    if (futex(host_thread(index).answered, FUTEX_WAIT, answered, &patience) == kErrorTimeout)
      return load(host_thread(index).answered) == serial ? CANDOR_OK : CANDOR_E_TIMEOUT;
  }
}

std::int64_t no_work(VcpuSlot& self, std::uint64_t until) {
  candor_guest_vcpu& page = vcpu_page(self.index);
  const bool managed = self.managed != kNoSlot;
  if (managed) {
    write_job(self.managed, until == CANDOR_NO_TIME ? CANDOR_THREAD_BLOCKED : CANDOR_THREAD_WAITING, until,
              true);
    if (load(host_vcpu(self.index).ring_at_job_end) != 0) ring(self, process::kSchedBellFd);
  }
  const Timespec deadline = timespec_of(until);
  store(page.state, CANDOR_VCPU_WAITING);
  page.waits++;
  std::int64_t result = CANDOR_OK;
  while (load(page.pending) == 0) {
    page.host_calls++;
    if (futex(page.pending, FUTEX_WAIT_BITSET, 0, until == CANDOR_NO_TIME ? nullptr : &deadline) ==
        kErrorTimeout) {
      result = load(page.pending) == 0 ? CANDOR_E_TIMEOUT : CANDOR_OK;
      break;
    }
  }
  store(page.state, CANDOR_VCPU_RUNNING);
  if (managed) {
    const std::uint64_t release = thread_slot(self.managed).release_ns;
    write_job(self.managed, CANDOR_THREAD_READY, release, false);
  }
  return result;
}

std::int64_t notify(VcpuSlot& self, std::uint64_t target) {
  if (target >= boot.vcpu_count) return CANDOR_E_INVALID;
  candor_guest_vcpu& page = vcpu_page(static_cast<std::uint32_t>(target));
  // The bit first, the look at the target's state second; the target does the
  // reverse (store state or mask, then look at pending), so one of us sees the other.
  __atomic_or_fetch(&page.pending, CANDOR_PENDING_NOTIFY, __ATOMIC_SEQ_CST);
  switch (load(page.state)) {
    case CANDOR_VCPU_POLLING:
      break;
    case CANDOR_VCPU_WAITING:
      vcpu_page(self.index).host_calls++;
      futex(page.pending, FUTEX_WAKE, 1);
      break;
    default:
      if (load(page.masked) == 0 && target != self.index) {
        vcpu_page(self.index).host_calls++;
        syscall(__NR_tgkill, 1, slots[target].tid, 10);
      }
  }
  return CANDOR_OK;
}

std::int64_t lock(VcpuSlot& self, std::uint64_t index, int op) {
  if (index >= CANDOR_MAX_LOCKS) return CANDOR_E_INVALID;
  auto* words = reinterpret_cast<std::uint32_t*>(area() + CANDOR_OFF_LOCKS);
  vcpu_page(self.index).host_calls++;
  const long result = futex(words[index], op, 0);
  return result == 0 ? CANDOR_OK : result == kErrorDeadlock ? CANDOR_E_DEADLOCK : CANDOR_E_HOST;
}

std::int64_t set_timer(VcpuSlot& self, std::uint64_t at) {
  struct {
    Timespec interval, value;
  } setting = {{0, 0}, timespec_of(at)};
  vcpu_page(self.index).host_calls++;
  return syscall(__NR_timer_settime, self.timer, 1 /* TIMER_ABSTIME */, address_of(&setting), 0) == 0
             ? CANDOR_OK
             : CANDOR_E_INVALID;
}

std::int64_t protect(VcpuSlot& self, std::uint64_t address, std::uint64_t bytes, std::uint64_t prot) {
  if ((address & 4095) != 0 || (bytes & 4095) != 0 || !in_ram(address, bytes)) return CANDOR_E_INVALID;
  static_assert(CANDOR_PROT_NONE == PROT_NONE && CANDOR_PROT_READ == PROT_READ &&
                CANDOR_PROT_WRITE == (PROT_READ | PROT_WRITE));
  if (prot != CANDOR_PROT_NONE && prot != CANDOR_PROT_READ && prot != CANDOR_PROT_WRITE)
    return CANDOR_E_INVALID;
  vcpu_page(self.index).host_calls++;
  return syscall(__NR_mprotect, static_cast<long>(address), static_cast<long>(bytes),
                 static_cast<long>(prot)) == 0
             ? CANDOR_OK
             : CANDOR_E_HOST;
}

}  // namespace

void ring(VcpuSlot& self, int bell) {
  const std::uint64_t one = 1;
  vcpu_page(self.index).host_calls++;
  syscall(__NR_write, bell, address_of(&one), sizeof one);
}

void give_way() {
  syscall(__NR_sched_yield);
}

std::int64_t execute_call(VcpuSlot& self, std::uint64_t number, const std::uint64_t (&args)[5],
                          std::uint64_t ip) {
  switch (number) {
    case CANDOR_CALL_IDENTIFY:
      return static_cast<std::int64_t>(CANDOR_IDENTITY | CANDOR_ABI_VERSION);
    case CANDOR_CALL_CLAIM:
      return claim(self, args);
    case CANDOR_CALL_YIELD:
      vcpu_page(self.index).host_calls++;
      syscall(__NR_sched_yield);
      return CANDOR_OK;
    case CANDOR_CALL_NO_WORK:
      return no_work(self, args[0]);
    case CANDOR_CALL_NOTIFY:
      return notify(self, args[0]);
    case CANDOR_CALL_LOCK_WAIT:
      return lock(self, args[0], FUTEX_LOCK_PI);
    case CANDOR_CALL_LOCK_WAKE:
      return lock(self, args[0], FUTEX_UNLOCK_PI);
    case CANDOR_CALL_SHUTDOWN:
      end_vm(self, CANDOR_EXIT_SHUTDOWN, static_cast<std::uint32_t>(args[0]), ip, 0);
    case CANDOR_CALL_SET_TIMER:
      return set_timer(self, args[0]);
    case CANDOR_CALL_PROTECT:
      return protect(self, args[0], args[1], args[2]);
    case CANDOR_CALL_RING:
      if ((args[0] & CANDOR_BELL_SCHED) != 0) ring(self, process::kSchedBellFd);
      if ((args[0] & CANDOR_BELL_MONITOR) != 0) ring(self, process::kMonitorBellFd);
      return CANDOR_OK;
    case CANDOR_CALL_TAKE_PENDING:
      return __atomic_exchange_n(&vcpu_page(self.index).pending, 0, __ATOMIC_SEQ_CST);
    default:
      return CANDOR_E_UNKNOWN;
  }
}

}  // namespace candor::tender
