// The control of the benchmark of the guest kernel: the same operations by native threads on one processor,
// by pthread, futex, POSIX's semaphores and message queues, signals and eventfd, each as the shortest of many
// samples. Prints the same lines as bench/guests/kernel.cc.
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
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

/// Runs as soon as it can, as the guest's urgent threads do.
void become_urgent() {
  const sched_param level = {50};
  if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &level) == 0) return;
  std::fputs("native_threads: SCHED_FIFO is not permitted\n", stderr);
  std::exit(3);
}

/// While there is an urgent thread, which does `step()` over and over; `release()` lets it see that it is
/// over.
template <typename Step, typename Measured, typename Release>
void beside(Step step, Measured measured, Release release) {
  std::thread other([step] {
    become_urgent();
    while (!over) step();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  measured();
  over = true;
  release();
  other.join();
  over = false;
}

void check(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::exit(1);
}

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
  const auto wake = [] {
    word++;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  };
  beside([] { syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, word.load(), nullptr, nullptr, 0); },
         [&] { measure("wake_and_back", 500, wake); }, wake);
}

sem_t alone, there, back;

void semaphores() {
  sem_init(&alone, 0, 1);
  sem_init(&there, 0, 0);
  sem_init(&back, 0, 0);
  measure("semaphore", 5000, [] {
    sem_wait(&alone);
    sem_post(&alone);
  });
  const auto ask = [] {
    sem_post(&there);
    sem_wait(&back);
  };
  beside(
      [] {
        sem_wait(&there);
        sem_post(&back);
      },
      [&] { measure("semaphore_and_back", 500, ask); }, ask);
}

void mutexes() {
  static pthread_mutex_t mutex;
  pthread_mutexattr_t inherit;
  pthread_mutexattr_init(&inherit);
  pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&mutex, &inherit);
  const auto lock_and_unlock = [] {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
  };
  measure("mutex", 5000, lock_and_unlock);
  const auto want = [] {
    pthread_mutex_lock(&mutex);
    sem_post(&there);
    pthread_mutex_unlock(&mutex);
  };
  beside(
      [&] {
        sem_wait(&there);
        lock_and_unlock();
      },
      [&] { measure("mutex_wanted", 500, want); }, want);
}

struct Message {
  std::uint64_t words[2];
};

/// POSIX's queues, which have bounds and the order of priorities, too.
void messages() {
  const auto make = [] {
    static const std::string name = "/candor-native-threads-" + std::to_string(getpid());
    mq_attr attributes{};
    attributes.mq_maxmsg = 4;
    attributes.mq_msgsize = sizeof(Message);
    const mqd_t queue = mq_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    check(queue >= 0, "native_threads: mq_open");
    mq_unlink(name.c_str());
    return queue;
  };
  const auto send = [](mqd_t queue) {
    const Message message{};
    mq_send(queue, reinterpret_cast<const char*>(&message), sizeof message, 0);
  };
  const auto receive = [](mqd_t queue) {
    Message message;
    mq_receive(queue, reinterpret_cast<char*>(&message), sizeof message, nullptr);
  };
  const mqd_t only = make(), to = make(), from = make();
  measure("message", 1000, [=] {
    send(only);
    receive(only);
  });
  const auto ask = [=] {
    send(to);
    receive(from);
  };
  beside(
      [=] {
        receive(to);
        send(from);
      },
      [&] { measure("message_and_back", 500, ask); }, ask);
}

/// A signal to oneself, whose handler tells a thread by an eventfd, as a driver would.
void interrupts() {
  static const int events = eventfd(0, 0);
  check(events >= 0, "native_threads: eventfd");
  static const auto tell = [] {
    const std::uint64_t one = 1;
    check(write(events, &one, sizeof one) == sizeof one, "native_threads: write");
  };
  struct sigaction action {};
  action.sa_handler = [](int) { tell(); };
  sigaction(SIGUSR1, &action, nullptr);
  const auto interrupt = [] { pthread_kill(pthread_self(), SIGUSR1); };
  beside(
      [] {
        std::uint64_t count;
        check(read(events, &count, sizeof count) == sizeof count, "native_threads: read");
      },
      [&] { measure("interrupt_and_back", 500, interrupt); }, interrupt);
}

void timers() {
  constexpr int kTimes = 401;
  static std::int64_t late[kTimes];
  static std::atomic<bool> done{false};
  std::thread sleeper([] {
    become_urgent();
    for (std::int64_t& l : late) {
      timespec due;
      clock_gettime(CLOCK_MONOTONIC, &due);
      due.tv_nsec += 50'000;
      due.tv_sec += due.tv_nsec / 1'000'000'000;
      due.tv_nsec %= 1'000'000'000;
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
      timespec now;
      clock_gettime(CLOCK_MONOTONIC, &now);
      l = (now.tv_sec - due.tv_sec) * 1'000'000'000 + now.tv_nsec - due.tv_nsec;
    }
    done = true;
  });
  while (!done) __builtin_ia32_pause();
  sleeper.join();
  std::sort(late, late + kTimes);
  std::printf("native timer_to_thread ps=%lld\n", static_cast<long long>(late[kTimes / 2] * 1000));
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
  semaphores();
  mutexes();
  messages();
  interrupts();
  timers();
  threads();
  memory();
  return 0;
}
