// The control of bench/guests/thread_metric.cc: the same by native threads of class SCHED_FIFO on one
// processor, with POSIX's semaphores and message queues, signals for interrupts, and malloc.
//   native_thread_metric PROCESSOR MILLISECONDS
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>

#include "bench/common/basic_processing.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kThreads = 5;

std::chrono::milliseconds interval;
std::atomic<bool> over{false};
std::uint64_t counters[kThreads];  // each has one writer
sem_t resumed[kThreads];           // a thread suspends itself by its own
std::uint64_t handled = 0;

void count(std::uint64_t& counter) {
  __atomic_store_n(&counter, counter + 1, __ATOMIC_RELAXED);
}
void count(int i) {
  count(counters[i]);
}
std::uint64_t counted(int i) {
  return __atomic_load_n(&counters[i], __ATOMIC_RELAXED);
}

void check(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::exit(3);
}

pthread_t start(int priority, std::function<void()> function) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
  const sched_param level = {priority};
  pthread_attr_setschedparam(&attributes, &level);
  pthread_t thread;
  const auto enter = [](void* argument) -> void* {
    const std::unique_ptr<std::function<void()>> f(static_cast<std::function<void()>*>(argument));
    (*f)();
    return nullptr;
  };
  check(pthread_create(&thread, &attributes, enter, new std::function(std::move(function))) == 0,
        "native_thread_metric: a thread");
  return thread;
}

bool agree(std::initializer_list<std::uint64_t> all) {
  const auto [least, most] = std::minmax(all);
  return most > 0 && most - least <= 1;
}

bool all_agree() {
  return agree({counted(0), counted(1), counted(2), counted(3), counted(4)});
}

template <typename Valid>
void judge(const char* name, int summed, std::initializer_list<pthread_t> threads, Valid valid) {
  const auto begin = Clock::now();
  timespec wait = {interval.count() / 1000, interval.count() % 1000 * 1'000'000};
  nanosleep(&wait, nullptr);
  const std::int64_t took = std::chrono::nanoseconds(Clock::now() - begin).count();
  std::uint64_t total = 0;
  for (int i = 0; i < summed; i++) total += counted(i);
  const bool fine = valid();
  over = true;
  for (sem_t& semaphore : resumed) sem_post(&semaphore);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  std::printf("thread-metric %s total=%llu ns=%lld %s\n", name, static_cast<unsigned long long>(total),
              static_cast<long long>(took), fine ? "valid" : "INVALID");
  over = false;
  for (std::uint64_t& counter : counters) counter = 0;
  for (sem_t& semaphore : resumed) sem_init(&semaphore, 0, 0);
}

void basic_processing() {
  candor::bench::BasicProcessing work;
  bool right = false;
  const pthread_t thread = start(10, [&] {
    for (; !over; count(0)) work.pass();
    right = work.right();
  });
  judge("basic_processing", 1, {thread}, [] { return counted(0) > 0; });
  if (!right) std::puts("thread-metric basic_processing INVALID");
}

void cooperative_scheduling() {
  const auto one = [](int i) {
    return start(10, [i] {
      for (; !over; count(i)) sched_yield();
    });
  };
  judge("cooperative_scheduling", kThreads, {one(0), one(1), one(2), one(3), one(4)}, all_agree);
}

void preemptive_scheduling() {
  const auto link = [](int i) {
    return start(10 + i, [i] {
      for (;; count(i)) {
        if (i != 0) sem_wait(&resumed[i]);
        if (over) return;
        if (i + 1 < kThreads) sem_post(&resumed[i + 1]);
      }
    });
  };
  judge("preemptive_scheduling", kThreads, {link(0), link(1), link(2), link(3), link(4)}, all_agree);
}

/// The signal's handler lets go on who waits for the semaphore of thread 1.
void on_signal(int) {
  count(handled);
  sem_post(&resumed[1]);
}

void interrupt_processing() {
  handled = 0;
  const pthread_t thread = start(10, [] {
    for (; !over; count(0)) {
      pthread_kill(pthread_self(), SIGUSR1);
      sem_wait(&resumed[1]);
    }
  });
  judge("interrupt_processing", 1, {thread}, [] { return agree({counted(0), handled}); });
}

void interrupt_preemption() {
  handled = 0;
  const pthread_t urgent = start(20, [] {
    for (;; count(1)) {
      sem_wait(&resumed[1]);
      if (over) return;
    }
  });
  const pthread_t thread = start(10, [] {
    for (; !over; count(0)) pthread_kill(pthread_self(), SIGUSR1);
  });
  judge("interrupt_preemption", 1, {thread, urgent}, [] { return agree({counted(0), counted(1), handled}); });
}

void message_processing() {
  struct Message {
    std::uint64_t words[2];
  };
  const std::string name = "/candor-native-thread-metric-" + std::to_string(getpid());
  mq_attr attributes{};
  attributes.mq_maxmsg = 10;
  attributes.mq_msgsize = sizeof(Message);
  const mqd_t queue = mq_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
  check(queue >= 0, "native_thread_metric: mq_open");
  mq_unlink(name.c_str());
  bool right = true;
  const pthread_t thread = start(10, [&] {
    for (; !over; count(0)) {
      const Message sent = {{counted(0), ~counted(0)}};
      Message received{};
      mq_send(queue, reinterpret_cast<const char*>(&sent), sizeof sent, 0);
      mq_receive(queue, reinterpret_cast<char*>(&received), sizeof received, nullptr);
      if (received.words[0] != sent.words[0] || received.words[1] != sent.words[1]) right = false;
    }
  });
  judge("message_processing", 1, {thread}, [&] { return right && counted(0) > 0; });
  mq_close(queue);
}

void synchronization() {
  sem_t semaphore;
  sem_init(&semaphore, 0, 1);
  const pthread_t thread = start(10, [&] {
    for (; !over; count(0)) {
      sem_wait(&semaphore);
      sem_post(&semaphore);
    }
  });
  judge("synchronization", 1, {thread}, [] { return counted(0) > 0; });
}

void memory_allocation() {
  const pthread_t thread = start(10, [] {
    for (; !over; count(0)) {
      void* volatile block = std::malloc(128);
      std::free(block);
    }
  });
  judge("memory_allocation", 1, {thread}, [] { return counted(0) > 0; });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::atoi(argv[2]) <= 0) {
    std::fputs("usage: native_thread_metric PROCESSOR MILLISECONDS\n", stderr);
    return 2;
  }
  interval = std::chrono::milliseconds(std::atoi(argv[2]));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(std::atoi(argv[1]), &one);
  check(sched_setaffinity(0, sizeof one, &one) == 0, "native_thread_metric: sched_setaffinity");
  const sched_param most_urgent = {90};
  check(sched_setscheduler(0, SCHED_FIFO, &most_urgent) == 0, "native_thread_metric: SCHED_FIFO");
  for (sem_t& semaphore : resumed) sem_init(&semaphore, 0, 0);
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, nullptr);
  basic_processing();
  cooperative_scheduling();
  preemptive_scheduling();
  interrupt_processing();
  interrupt_preemption();
  message_processing();
  synchronization();
  memory_allocation();
  return 0;
}
