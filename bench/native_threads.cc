// The control of the benchmark of the guest kernel: the same operations by native threads on one processor,
// by pthread and futex, each as the shortest of many samples. Prints the same lines as
// bench/guests/kernel.cc.
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSamples = 40;

template <typename F>
void measure(const char* name, std::int64_t calls, F&& call) {
  std::int64_t shortest = INT64_MAX;
  for (int sample = 0; sample < kSamples; sample++) {
    const auto begin = Clock::now();
    for (std::int64_t i = 0; i < calls; i++) call();
    const std::int64_t took = std::chrono::nanoseconds(Clock::now() - begin).count();
    if (took < shortest) shortest = took;
  }
  std::printf("native %s ps=%lld\n", name, static_cast<long long>(shortest * 1000 / calls));
}

std::atomic<bool> over{false};

void switches() {
  std::thread other([] {
    while (!over) sched_yield();
  });
  sched_yield();
  measure("switch_pair", 500, [] { sched_yield(); });
  over = true;
  other.join();
  over = false;
}

std::atomic<std::uint32_t> word{0};

void wake_ups() {
  std::thread server([] {
    const sched_param level = {50};
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &level) != 0) {
      std::fputs("native_threads: SCHED_FIFO is not permitted\n", stderr);
      std::exit(3);
    }
    while (!over) {
      syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, word.load(), nullptr, nullptr, 0);
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto wake = [] {
    word++;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  };
  measure("wake_and_back", 500, wake);
  over = true;
  wake();
  server.join();
  over = false;
}

void mutexes() {
  static pthread_mutex_t mutex;
  pthread_mutexattr_t inherit;
  pthread_mutexattr_init(&inherit);
  pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&mutex, &inherit);
  measure("mutex", 5000, [] {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
  });
}

void threads() {
  measure("create_and_join", 50, [] { std::thread([] {}).join(); });
}

void memory() {
  measure("allocate_128", 5000, [] {
    void* volatile block = std::malloc(128);
    std::free(block);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: native_threads PROCESSOR\n", stderr);
    return 2;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(std::atoi(argv[1]), &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) {
    std::perror("native_threads: sched_setaffinity");
    return 3;
  }
  switches();
  wake_ups();
  mutexes();
  threads();
  memory();
  return 0;
}
