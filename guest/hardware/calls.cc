// The synthetic instructions, served by the machine itself.
#include "guest/area.h"
#include "guest/clock.h"
#include "guest/hardware/apic.h"
#include "guest/hardware/host.h"
#include "guest/hardware/processor.h"
#include "guest/hardware/registers.h"

namespace candor::hardware {

using kernel::peek;
using kernel::unwire;
using kernel::vcpu_page;

constinit Host host;

namespace {

/// Held with interrupts on: who waits for it must serve the flushes of who has it.
class TablesLock {
 public:
  TablesLock() {
    while (__atomic_exchange_n(&held, true, __ATOMIC_ACQUIRE)) kernel::relax();
  }
  ~TablesLock() { __atomic_store_n(&held, false, __ATOMIC_RELEASE); }
  TablesLock(const TablesLock&) = delete;
  TablesLock& operator=(const TablesLock&) = delete;

 private:
  static bool held;
};
bool TablesLock::held;

/// For a pending bit, or a time.
std::int64_t no_work(std::uint32_t index, Time until) {
  Processor& p = Processor::here();
  const candor_guest_vcpu& page = vcpu_page(index);
  interrupts_off();
  std::int64_t result = CANDOR_OK;
  for (;;) {
    if (peek(page.pending) != 0) break;
    if (now() >= until) {
      result = CANDOR_E_TIMEOUT;
      break;
    }
    p.wait_until = until;
    arm_timer(p);
    interrupts_on_and_halt();
  }
  // The timer may still be set for that; it then fires for nothing, once.
  p.wait_until = Time::never();
  interrupts_on();
  return result;
}

void set_timer(std::uint64_t at) {
  const InterruptsOff off;
  Processor& p = Processor::here();
  p.timer_at = at == 0 ? Time::never() : unwire(at);
  arm_timer(p);
}

std::int64_t notify(std::uint64_t vcpu) {
  if (vcpu >= Processor::count) return CANDOR_E_INVALID;
  const auto index = static_cast<std::uint32_t>(vcpu);
  __atomic_fetch_or(&vcpu_page(index).pending, CANDOR_PENDING_NOTIFY, __ATOMIC_SEQ_CST);
  // To itself it comes as an interrupt, too: the caller may run unmasked.
  LocalApic::send(Processor::all[index].apic_id, kNotifyVector);
  return CANDOR_OK;
}

std::int64_t protect(std::uint64_t address, std::uint64_t bytes, std::uint64_t rights) {
  const std::uint64_t begin = host.page->ram_base, end = begin + host.page->ram_bytes;
  const bool whole = (address | bytes) % PageTables::kPage == 0;
  if (!whole || address < begin || address > end || bytes > end - address) return CANDOR_E_INVALID;
  if (rights != CANDOR_PROT_NONE && rights != CANDOR_PROT_READ && rights != CANDOR_PROT_WRITE)
    return CANDOR_E_INVALID;
  const TablesLock lock;
  const Rights wanted = rights == CANDOR_PROT_NONE   ? Rights::kNone
                        : rights == CANDOR_PROT_READ ? Rights::kRead
                                                     : Rights::kWrite;
  if (!host.tables.protect(address, bytes, wanted)) return CANDOR_E_HOST;
  flush_translations();
  return CANDOR_OK;
}

}  // namespace

std::int64_t serve_call(std::uint64_t call, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                        std::uint64_t /*d*/, std::uint64_t /*e*/) {
  const auto self = static_cast<std::uint32_t>(call >> 32);
  switch (static_cast<std::uint32_t>(call)) {
    case CANDOR_CALL_YIELD:  // there is nobody else
      kernel::relax();
      return CANDOR_OK;
    case CANDOR_CALL_NO_WORK:
      return no_work(self, unwire(a));
    case CANDOR_CALL_NOTIFY:
      return notify(a);
    case CANDOR_CALL_SHUTDOWN:
      end(static_cast<std::uint32_t>(a));
    case CANDOR_CALL_SET_TIMER:
      set_timer(a);
      return CANDOR_OK;
    case CANDOR_CALL_PROTECT:
      return protect(a, b, c);
    case CANDOR_CALL_RING:
      if ((a & CANDOR_BELL_MONITOR) != 0) drain_console();
      return CANDOR_OK;
    case CANDOR_CALL_TAKE_PENDING:
      return __atomic_exchange_n(&vcpu_page(self).pending, 0, __ATOMIC_SEQ_CST);
    case CANDOR_CALL_CLAIM:
    case CANDOR_CALL_LOCK_WAIT:
    case CANDOR_CALL_LOCK_WAKE:
      return CANDOR_E_HOST;  // no scheduler answers, and no feature bit says otherwise
    default:
      return CANDOR_E_UNKNOWN;
  }
}

}  // namespace candor::hardware
