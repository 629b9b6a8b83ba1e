// A stand-in for a VM, with real processes: a child plays the VM process, its
// child the tender with one thread for each vCPU, and the test plays the guest
// through its own mapping of the area. For tests of candord only.
//
// Real-time threads of this kind can take a processor for good, so: all spinning
// is bounded in time, everything dies with the test, and the tender has an alarm.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "abi/candor.h"
#include "host/host_scheduler.h"
#include "host/protocol.h"
#include "host/registration.h"
#include "host/scheduler_client.h"
#include "os/fd.h"

namespace candor::host {

inline void sleep_ms(int ms) {
  usleep(static_cast<useconds_t>(ms) * 1000);
}

/// Polls `condition` for at most `ms`.
template <typename Condition>
bool eventually(Condition condition, int ms = 1000) {
  const Time end = monotonic_now() + milliseconds(ms);
  while (!condition()) {
    if (monotonic_now() > end) return false;
    usleep(200);
  }
  return true;
}

enum class Act : std::uint32_t { kSleep, kSpin, kHoldLock, kTakeLock, kRing, kScribble, kPeriodic, kEnd };

inline constexpr Duration kLongestAct = milliseconds(1500);

class FakeVm {
 public:
  static constexpr std::size_t kMaxVcpus = 8;
  struct Options {
    AddVm terms;
    bool sealed = true;
    bool foreign_tid = false;  // the last tid is not the tender's
    bool doubled_tid = false;  // the last tid is the first
    bool one_vcpu_less = false;
    bool file_as_bell = false;
    const FakeVm* as_if = nullptr;  // registers that VM's tender and threads
    int register_after_ms = 0;
    int add_after_ms = 0;
    bool wrong_process = false;  // the launcher expects another process
    int cpu = 0;
  };

  FakeVm(SchedulerClient& client, Options options) : options_(options) { start(client); }
  ~FakeVm() { end(); }
  FakeVm(const FakeVm&) = delete;
  FakeVm& operator=(const FakeVm&) = delete;

  [[nodiscard]] bool registered() const { return shared_->outcome.load() == 1; }
  [[nodiscard]] std::string reason() const { return shared_->reason; }
  [[nodiscard]] pid_t tid(std::size_t vcpu) const { return shared_->tids[vcpu].load(); }
  [[nodiscard]] pid_t tender() const { return shared_->tender.load(); }
  [[nodiscard]] std::uint32_t vcpus() const {
    return options_.terms.fair_vcpus + options_.terms.realtime_vcpus;
  }

  /// What the vCPU's thread does from now on, for kLongestAct at most.
  void act(std::size_t vcpu, Act what) {
    shared_->acts[vcpu].store(static_cast<std::uint32_t>(what));
    syscall(SYS_futex, &shared_->acts[vcpu], FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  void ring() const { eventfd_write(bell_.get(), 1); }

  [[nodiscard]] candor_host_page& page() const { return *reinterpret_cast<candor_host_page*>(area_); }
  [[nodiscard]] candor_thread& slot(std::uint32_t i) const {
    return reinterpret_cast<candor_thread*>(area_ + CANDOR_OFF_THREADS)[i];
  }
  [[nodiscard]] candor_host_thread answer(std::uint32_t i) const {
    candor_host_thread copy;
    std::memcpy(&copy, area_ + CANDOR_OFF_HOST_THREADS + i * sizeof copy, sizeof copy);
    return copy;
  }
  [[nodiscard]] candor_host_vcpu vcpu_line(std::uint32_t i) const {
    candor_host_vcpu copy;
    std::memcpy(&copy, area_ + CANDOR_OFF_HOST_VCPUS + i * sizeof copy, sizeof copy);
    return copy;
  }
  [[nodiscard]] candor_guest_vcpu& vcpu_page(std::uint32_t i) const {
    return reinterpret_cast<candor_guest_vcpu*>(area_ + CANDOR_OFF_VCPUS)[i];
  }

  /// Writes terms: their serial.
  [[nodiscard]] std::uint32_t write_terms(std::uint32_t i, candor_class cls, Duration budget, Duration period,
                                          std::uint8_t priority = 0, Duration deadline = {},
                                          std::uint64_t blocking_ns = 0) const {
    candor_thread& t = slot(i);
    const std::uint32_t serial = (t.serial | 1u) + 1u;
    __atomic_store_n(&t.serial, serial - 1, __ATOMIC_SEQ_CST);
    t.cls = static_cast<std::uint8_t>(cls);
    t.priority = priority;
    t.budget_ns = static_cast<std::uint64_t>(budget.ns);
    t.period_ns = static_cast<std::uint64_t>(period.ns);
    t.relative_deadline_ns = static_cast<std::uint64_t>(deadline.ns);
    t.blocking_ns = blocking_ns;
    std::snprintf(t.name, sizeof t.name, "thread%u", i);
    __atomic_store_n(&t.serial, serial, __ATOMIC_SEQ_CST);
    return serial;
  }
  /// Rings and waits for the answer to terms that are written: its status, or 99 if none came.
  [[nodiscard]] std::uint32_t ask(std::uint32_t i, std::uint32_t serial) const {
    ring();
    const bool answered = eventually([&] { return answer(i).answered == serial; });
    return answered ? answer(i).status : 99;
  }
  std::uint32_t claim(std::uint32_t i, candor_class cls, Duration budget, Duration period,
                      std::uint8_t priority = 0, Duration deadline = {},
                      std::uint64_t blocking_ns = 0) const {
    return ask(i, write_terms(i, cls, budget, period, priority, deadline, blocking_ns));
  }

  void job(std::uint32_t i, candor_thread_state state, Time release, Time deadline = Time::never(),
           Duration expected = {}, std::uint64_t number = 0) const {
    candor_thread& t = slot(i);
    __atomic_store_n(&t.job_seq, t.job_seq | 1u, __ATOMIC_SEQ_CST);
    t.state = state;
    t.release_ns = static_cast<std::uint64_t>(release.ns);
    t.deadline_ns = deadline == Time::never() ? CANDOR_NO_TIME : static_cast<std::uint64_t>(deadline.ns);
    t.expected_ns = static_cast<std::uint64_t>(expected.ns);
    t.job = number;
    __atomic_store_n(&t.job_seq, (t.job_seq | 1u) + 1u, __ATOMIC_SEQ_CST);
  }

  /// SCHED_* of a vCPU's thread without flags, or -1.
  [[nodiscard]] int policy(std::size_t vcpu) const {
    const int policy = sched_getscheduler(tid(vcpu));
    return policy < 0 ? -1 : policy & ~SCHED_RESET_ON_FORK;
  }
  [[nodiscard]] int level(std::size_t vcpu) const {
    sched_param param{};
    return sched_getparam(tid(vcpu), &param) == 0 ? param.sched_priority : -1;
  }

  void kill_tender() const { kill(tender(), SIGKILL); }

 private:
  struct Shared {
    std::array<std::atomic<std::uint32_t>, kMaxVcpus> acts{};
    std::array<std::atomic<pid_t>, kMaxVcpus> tids{};
    std::atomic<pid_t> tender{};
    std::atomic<int> outcome{};  // 1: registered, 2: refused
    char reason[256]{};
    pthread_mutex_t lock;
  };

  void start(SchedulerClient& client) {
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared_ = new (memory) Shared;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&shared_->lock, &attributes);

    memfd_.reset(memfd_create("area", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(ftruncate(memfd_.get(), CANDOR_AREA_BYTES), 0);
    if (options_.sealed) {
      ASSERT_EQ(fcntl(memfd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
    }
    area_ = static_cast<std::byte*>(
        mmap(nullptr, CANDOR_AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memfd_.get(), 0));
    bell_.reset(eventfd(0, EFD_CLOEXEC));
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    Fd candord_end(ends[0]);
    Fd vm_end(ends[1]);
    process_ = fork();
    ASSERT_GE(process_, 0);
    if (process_ == 0) {
      candord_end.reset();
      play_vm_process(vm_end.get());
    }
    sleep_ms(options_.add_after_ms);
    AddVm terms = options_.terms;
    terms.process = options_.wrong_process ? getpid() : process_;
    const auto added = client.add_vm(terms, candord_end.get());
    ASSERT_TRUE(added.ok()) << added.error();
    ASSERT_TRUE(eventually([&] { return shared_->outcome.load() != 0; }, 5000))
        << "no answer to the registration";
  }

  void end() {
    if (process_ > 0) {
      // The VM process sees its tender's end first, so that no tender outlives the test.
      if (tender() > 0) kill(tender(), SIGKILL);
      eventually([&] { return tender() <= 0 || kill(tender(), 0) != 0; }, 2000);
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
    if (area_ != nullptr) munmap(area_, CANDOR_AREA_BYTES);
    if (shared_ != nullptr) munmap(shared_, sizeof(Shared));
  }

  [[noreturn]] void play_vm_process(int socket) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const pid_t child = fork();
    if (child == 0) play_tender();
    shared_->tender = child;
    for (std::size_t v = 0; v < vcpus(); ++v)
      while (shared_->tids[v] == 0) usleep(200);
    std::vector<pid_t> tids;
    for (std::size_t v = 0; v < vcpus(); ++v) tids.push_back(shared_->tids[v]);
    if (options_.foreign_tid) tids.back() = getpid();
    if (options_.doubled_tid) tids.back() = tids.front();
    if (options_.one_vcpu_less) tids.pop_back();
    if (options_.as_if != nullptr)
      for (std::size_t v = 0; v < tids.size(); ++v) tids[v] = options_.as_if->tid(v);
    const pid_t tender = options_.as_if != nullptr ? options_.as_if->tender() : child;
    const int bell = options_.file_as_bell ? memfd_.get() : bell_.get();
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of user clears it
    sleep_ms(options_.register_after_ms);
    const auto asked = ask_to_register(socket, tender, tids, memfd_.get(), bell);
    const auto done = asked.ok() ? await_registration(socket) : Error{asked.error()};
    if (!done.ok()) std::strncpy(shared_->reason, done.error().c_str(), sizeof shared_->reason - 1);
    shared_->outcome = done.ok() ? 1 : 2;
    waitpid(child, nullptr, 0);
    for (;;) pause();  // as a VM process stays to report
  }

  struct Role {
    FakeVm* vm;
    std::size_t vcpu;
  };

  [[noreturn]] void play_tender() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(30);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(options_.cpu), &set);
    sched_setaffinity(0, sizeof set, &set);
    static std::array<Role, kMaxVcpus> roles;
    for (std::size_t v = 0; v < vcpus(); ++v) {
      roles[v] = {this, v};
      pthread_t thread;
      pthread_create(
          &thread, nullptr,
          [](void* role) -> void* {
            static_cast<Role*>(role)->vm->play_vcpu(static_cast<Role*>(role)->vcpu);
            return nullptr;
          },
          &roles[v]);
    }
    for (;;) pause();
  }

  void play_vcpu(std::size_t v) {
    std::atomic<std::uint32_t>& act = shared_->acts[v];
    shared_->tids[v] = static_cast<pid_t>(syscall(SYS_gettid));
    for (;;) {
      const std::uint32_t now_act = act.load();
      const Time end = monotonic_now() + kLongestAct;
      const auto go_on = [&] { return act.load() == now_act && monotonic_now() < end; };
      const auto wait = [&] { syscall(SYS_futex, &act, FUTEX_WAIT, now_act, nullptr, nullptr, 0); };
      switch (static_cast<Act>(now_act)) {
        case Act::kSleep:
          wait();
          break;
        case Act::kSpin:
          while (go_on()) {
          }
          if (act.load() == now_act) wait();
          break;
        case Act::kHoldLock:
          pthread_mutex_lock(&shared_->lock);
          while (go_on()) {
          }
          pthread_mutex_unlock(&shared_->lock);
          if (act.load() == now_act) wait();
          break;
        case Act::kTakeLock:
          pthread_mutex_lock(&shared_->lock);
          pthread_mutex_unlock(&shared_->lock);
          if (act.load() == now_act) wait();
          break;
        case Act::kRing:
          while (go_on()) ring();
          if (act.load() == now_act) wait();
          break;
        case Act::kScribble: {
          std::uint64_t random = 88172645463325252u + v;
          auto* words = reinterpret_cast<std::uint64_t*>(area_);
          while (go_on())
            for (std::size_t i = CANDOR_OFF_THREADS / 8; i < CANDOR_OFF_STATS / 8; ++i) {
              random ^= random << 13, random ^= random >> 7, random ^= random << 17;
              // Sometimes small numbers: those get past the first checks.
              __atomic_store_n(&words[i], (random & 1) != 0 ? random : random >> 40, __ATOMIC_RELAXED);
            }
          if (act.load() == now_act) wait();
          break;
        }
        case Act::kPeriodic: {  // 0.5 ms of work every 5 ms, as slot 0 says
          Time release = monotonic_now();
          for (std::uint64_t number = 1; go_on(); ++number) {
            release = release + milliseconds(5);
            job(0, CANDOR_THREAD_WAITING, release, release + milliseconds(5), {}, number);
            if (vcpu_line(static_cast<std::uint32_t>(v)).ring_at_job_end != 0) ring();
            const timespec until{.tv_sec = release.ns / seconds(1).ns, .tv_nsec = release.ns % seconds(1).ns};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
            job(0, CANDOR_THREAD_READY, release, release + milliseconds(5), {}, number);
            const Time done = monotonic_now() + microseconds(500);
            while (monotonic_now() < done) {
            }
          }
          if (act.load() == now_act) wait();
          break;
        }
        case Act::kEnd:
          return;
      }
    }
  }

  Options options_;
  Shared* shared_ = nullptr;
  std::byte* area_ = nullptr;
  Fd memfd_;
  Fd bell_;
  pid_t process_ = -1;
};

}  // namespace candor::host
