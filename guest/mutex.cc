// The word that decides is in the shared area and holds the token of the
// holder's vCPU, so that the host can lend that vCPU the rank of one that waits.
// That is half of the inheritance; the other half is that the vCPU then runs the
// holder first. Who waits, and how:
//
//   holder on the same vCPU      waits in the guest; the holder's rank is lifted
//   holder elsewhere, and we are on a real-time vCPU where no other thread holds a mutex
//                                counts itself in `wanted`, notifies the holder's
//                                vCPU, then waits in the host, which lends our rank
//   holder elsewhere otherwise   the same, but waits in the guest
//
// With candor.locks=spin nothing is lent to a holder elsewhere: who waits spins, as a kernel does that
// believes that holders run; where another thread of its vCPU holds a mutex, it waits in the guest.
//
// In the host the whole vCPU waits. If another of its threads held a mutex, the
// holder we wait for might itself wait for that one, which then could never run.
//
// A rank that is lent goes on to whomever the holder waits for in turn: from thread
// to thread on one vCPU, by `wanted` and a notification to the next.
//
// Who waits in the guest is on a stack of waiters. An unlock wakes all of them
// and they try again: few wait at a time, and the one that matters most runs first.
#include "guest/mutex.h"

#include <new>

#include "guest/kernel_lock.h"
#include "guest/panic.h"
#include "guest/vcpu.h"

namespace candor {
namespace kernel {

struct MutexState {
  std::uint32_t index = 0;  // of the lock word
  std::atomic<ThreadControl*> holder{nullptr};
  std::atomic<std::uint32_t> wanted{0};  // waiters on other vCPUs that must not be held up
  Waiters waiters;
  MutexState* next_held = nullptr;  // in the holder's list
  char name[CANDOR_NAME_BYTES] = {};
};

namespace {

/// Which lock words are taken; bits are never contended for long.
std::atomic<std::uint64_t> words_in_use[CANDOR_MAX_LOCKS / 64];

std::uint32_t allocate_word() {
  for (std::uint32_t i = kFirstMutexLock; i < host_page().lock_words && i < CANDOR_MAX_LOCKS; i++)
    if ((words_in_use[i / 64].fetch_or(1ull << i % 64) >> i % 64 & 1) == 0) return i;
  panic("more mutexes than the {} lock words of this VM", host_page().lock_words);
}

bool take_word(const MutexState& m, std::uint32_t token) {
  std::uint32_t expected = 0;
  return __atomic_compare_exchange_n(&lock_word(m.index), &expected, token, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED);
}

void now_holds(MutexState& m, ThreadControl& self) {
  m.holder.store(&self, std::memory_order_relaxed);
  m.next_held = self.held;
  self.held = &m;
  // One who wants it urgently may have come before us and notified our predecessor.
  if (m.wanted.load(std::memory_order_seq_cst) != 0) Vcpu::here().lift_if_wanted(self);
}

/// Parks until an unlock. Spurious returns are harmless: the caller tries again.
void wait_in_guest(MutexState& m, ThreadControl& self, Time until) {
  self.in_waiters.store(true, std::memory_order_relaxed);
  m.waiters.push(&self);
  // The unlock may have come just before; then nobody else would wake us.
  if ((__atomic_load_n(&lock_word(m.index), __ATOMIC_SEQ_CST) & CANDOR_LOCK_OWNER) == 0) wake_all(m.waiters);
  self.waits_for = &m;
  while (self.in_waiters.load(std::memory_order_acquire)) {
    if (now() < until) {
      Vcpu::block(until);
      continue;
    }
    // One cannot leave the stack alone: all do, and the others come back. Somebody may be about to take us
    // off it.
    wake_all(m.waiters);
    if (self.in_waiters.load(std::memory_order_acquire)) Vcpu::block(Time::never());
  }
  self.waits_for = nullptr;
}

/// Whether a holder elsewhere is to run before everything else on its vCPU. The
/// look at it may come too late; then it is merely lifted in vain, or at the next try.
bool is_urgent(const MutexState& m, const ThreadControl& self) {
  if (self.rank.tier < Tier::kFair) return true;
  const ThreadControl* holder = m.holder.load(std::memory_order_relaxed);
  return holder != nullptr && self.rank.tier < static_cast<const volatile Tier&>(holder->base.tier);
}

void want(MutexState& m, ThreadControl& self) {
  m.wanted.fetch_add(1, std::memory_order_seq_cst);
  self.wants = true;
}

/// For a while, then lets others run.
void spin(const MutexState& m) {
  kernel.lock_spins.fetch_add(1, std::memory_order_relaxed);
  for (int spins = 0; spins < 1000; spins++) {
    if ((peek(lock_word(m.index)) & CANDOR_LOCK_OWNER) == 0) return;
    relax();
  }
  call_host(CANDOR_CALL_YIELD);
  Vcpu::here().schedule();
}

/// Waits once; true if that gave us the word.
bool wait(MutexState& m, ThreadControl& self, Time until) {
  Vcpu& v = Vcpu::here();
  if (kernel.locks_inherit && is_urgent(m, self)) want(m, self);
  bool taken = false;
  // Only now, so that whoever takes it from here on sees that it is wanted.
  const std::uint32_t owner = __atomic_load_n(&lock_word(m.index), __ATOMIC_SEQ_CST) & CANDOR_LOCK_OWNER;
  if (owner == v.lock_token()) {
    ThreadControl* holder = m.holder.load(std::memory_order_relaxed);  // carried here, like us
    v.lend_rank(*holder, self.rank);
    wait_in_guest(m, self, until);
  } else if (owner != 0) {
    if (Vcpu* other = self.wants ? Vcpu::by_lock_token(owner) : nullptr) other->notify();
    if (!kernel.locks_inherit && !v.must_go_on()) {
      spin(m);
    } else if (kernel.locks_inherit && v.realtime() && !v.must_go_on() &&
               host_offers(CANDOR_FEATURE_LOCK_INHERIT) && until == Time::never()) {
      // The host knows of no end to it but the lock.
      kernel.lock_waits.fetch_add(1, std::memory_order_relaxed);
      taken = call_host(CANDOR_CALL_LOCK_WAIT, m.index) == CANDOR_OK;
    } else {
      wait_in_guest(m, self, until);
    }
  }
  if (self.wants) m.wanted.fetch_sub(1, std::memory_order_seq_cst);
  self.wants = false;
  return taken;
}

/// Somebody has waited in vain: what a holder on this vCPU was lent by that is taken back.
void take_back_rank(MutexState& m) {
  Vcpu& v = Vcpu::here();
  const std::uint32_t owner = __atomic_load_n(&lock_word(m.index), __ATOMIC_SEQ_CST) & CANDOR_LOCK_OWNER;
  ThreadControl* holder = m.holder.load(std::memory_order_relaxed);
  if (owner == v.lock_token() && holder != nullptr) v.review_rank(*holder);
}

}  // namespace

bool waits_for(const ThreadControl& waiter, const ThreadControl& holder) {
  return waiter.waits_for != nullptr && waiter.waits_for->holder.load(std::memory_order_relaxed) == &holder;
}

bool holds_wanted_mutex(const ThreadControl& thread) {
  for (const MutexState* m = thread.held; m != nullptr; m = m->next_held)
    if (m->wanted.load(std::memory_order_seq_cst) != 0 ||
        (peek(lock_word(m->index)) & CANDOR_LOCK_WAITERS) != 0)
      return true;
  return false;
}

ThreadControl* pass_on_rank(ThreadControl& waiter, const Vcpu& here) {
  MutexState& m = *waiter.waits_for;
  if (!waiter.wants) want(m, waiter);  // first, as in wait()
  const std::uint32_t owner = __atomic_load_n(&lock_word(m.index), __ATOMIC_SEQ_CST) & CANDOR_LOCK_OWNER;
  if (owner == here.lock_token()) return m.holder.load(std::memory_order_relaxed);
  if (Vcpu* other = owner != 0 ? Vcpu::by_lock_token(owner) : nullptr) other->notify();
  return nullptr;
}

}  // namespace kernel

using namespace kernel;

static_assert(sizeof(MutexState) <= 56 && alignof(MutexState) <= 8);

MutexState& Mutex::state() const {
  return *std::launder(reinterpret_cast<MutexState*>(state_));
}

Mutex::Mutex(std::string_view name) {
  auto& m = *new (state_) MutexState;
  m.index = allocate_word();
  for (std::size_t i = 0; i < name.size() && i + 1 < sizeof m.name; i++) m.name[i] = name[i];
}

Mutex::~Mutex() {
  MutexState& m = state();
  if (ThreadControl* holder = m.holder.load())
    panic("mutex {}: destroyed while {} holds it", m.name, holder->name);
  words_in_use[m.index / 64].fetch_and(~(1ull << m.index % 64));
  m.~MutexState();
}

void Mutex::lock() {
  Masked masked;
  MutexState& m = state();
  ThreadControl& self = Vcpu::here().current();
  if (m.holder.load(std::memory_order_relaxed) == &self)
    panic("mutex {}: {} locks it twice; mutexes are not recursive", m.name, self.name);
  // The token is looked up anew each time: waiting may end on another vCPU.
  while (!take_word(m, Vcpu::here().lock_token()))
    if (wait(m, self, Time::never())) break;
  now_holds(m, self);
}

bool Mutex::try_lock_until(Time until) {
  Masked masked;
  MutexState& m = state();
  ThreadControl& self = Vcpu::here().current();
  if (m.holder.load(std::memory_order_relaxed) == &self)
    panic("mutex {}: {} locks it twice; mutexes are not recursive", m.name, self.name);
  while (!take_word(m, Vcpu::here().lock_token())) {
    if (now() >= until) {
      take_back_rank(m);
      return false;
    }
    if (wait(m, self, until)) break;
  }
  now_holds(m, self);
  return true;
}

bool Mutex::held_by_current() const {
  const Masked masked;
  return state().holder.load(std::memory_order_relaxed) == &Vcpu::here().current();
}

bool Mutex::try_lock() {
  Masked masked;
  MutexState& m = state();
  ThreadControl& self = Vcpu::here().current();
  if (!take_word(m, Vcpu::here().lock_token())) return false;
  now_holds(m, self);
  return true;
}

void Mutex::unlock() {
  Masked masked;
  MutexState& m = state();
  Vcpu& v = Vcpu::here();
  ThreadControl& self = v.current();
  ThreadControl* holder = m.holder.load(std::memory_order_relaxed);
  if (holder != &self)
    panic("mutex {}: {} unlocks it, but only its holder may, and that is {}", m.name, self.name,
          holder != nullptr ? holder->name : "nobody");
  for (MutexState** at = &self.held; *at != nullptr; at = &(*at)->next_held) {
    if (*at != &m) continue;
    *at = m.next_held;
    break;
  }
  m.holder.store(nullptr, std::memory_order_relaxed);
  std::uint32_t expected = v.lock_token();
  const bool quiet = __atomic_compare_exchange_n(&lock_word(m.index), &expected, 0u, false, __ATOMIC_SEQ_CST,
                                                 __ATOMIC_RELAXED);
  if (!quiet) call_host(CANDOR_CALL_LOCK_WAKE, m.index);
  const bool waiters = !m.waiters.empty();
  if (waiters) wake_all(m.waiters);
  // What was lent is given back with the last mutex.
  const bool lifted =
      self.held == nullptr && (self.rank.tier != self.base.tier || self.rank.key != self.base.key);
  if (lifted) v.set_rank(self, self.base);
  if (lifted || waiters || self.move_to != nullptr) v.schedule();
}

}  // namespace candor
